import type { Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import { octetsOf, textOfOctets, utf8 } from "#lib/message/octets.js";
import { SharedMessage, SharedPart } from "#lib/socket/shared-message.js";
import { HTTP_TRANSPORTS, type HttpTransport } from "#lib/socket/sockjs/http-transport.js";
import { jsonTextOf } from "#lib/socket/sockjs/sock-js-frame.js";
import { type Opened, SocketHost } from "../../support/socket-host.js";
import { type HttpStream, stream } from "../../support/sockjs-http.js";

const STREAMS: [transport: string, method: string, before: string][] = [
  ["xhr_streaming", "POST", ""],
  ["eventsource", "GET", "data: "],
];

for (const [transport, method, before] of STREAMS) {
  describe(`A response that streams by ${transport}`, () => {
    let host: SocketHost;
    /** What was written to the lines of clients. */
    let writes: string[];

    beforeEach(() => {
      host = new SocketHost({ echo: true });
      writes = [];
      host.server.on("connection", (line: TcpSocket) => {
        const write = line.write.bind(line) as (...args: unknown[]) => boolean;
        line.write = (...args: unknown[]) => {
          writes.push(String(args[0]));
          return write(...args);
        };
      });
    });

    afterEach(async () => {
      await host.close();
    });

    async function open(name = "s1"): Promise<{ opened: Opened; response: HttpStream }> {
      const index = host.opened.length;
      const response = await stream(host.port, `/ws/000/${name}/${transport}`, { method });
      let line = "";
      while (line !== `${before}o`) line = await response.line();
      return { opened: await host.nth(index), response };
    }

    it("is written to once in a turn, whoever else is sent the same", async () => {
      host.endpoint({ sockJS: true });
      await host.listen();
      const clients = [await open("s1"), await open("s2")];
      writes.length = 0;
      const [first, second] = ["first 한%", "second"].map((text) => new SharedMessage(utf8(text), false));
      for (const { opened } of clients) {
        opened.socket.sendShared?.(first as SharedMessage);
        opened.socket.sendShared?.(second as SharedMessage);
        opened.socket.send(Buffer.from("own"), false);
      }
      for (const { response } of clients) {
        const [one, two, three] = [await response.line(), await response.line(), await response.line()];
        expect(one).to.equal(`${before}a["first 한${before === "" ? "%" : "%25"}"]`);
        expect([two, three]).to.deep.equal([`${before}a["second"]`, `${before}a["own"]`]);
        response.cut();
      }
      expect(writes).to.have.length(2);
    });

    it("passes what the application's middleware has put before its writes", async () => {
      const seen: string[] = [];
      host.app.use((_req, res, next) => {
        const write = res.write.bind(res) as (...args: unknown[]) => boolean;
        res.write = (...args: unknown[]) => {
          seen.push(String(args[0]));
          return write(...args);
        };
        next();
      });
      host.endpoint({ sockJS: true });
      await host.listen();
      const { opened, response } = await open();
      seen.length = 0;
      for (const text of ["one", "two"]) opened.socket.send(Buffer.from(text), false);
      expect([await response.line(), await response.line()]).to.deep.equal([
        `${before}a["one"]`,
        `${before}a["two"]`,
      ]);
      expect(seen).to.have.length(1);
      response.cut();
    });

    it("ends with the frame that fills it, and what follows comes on the next one", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 100 } });
      await host.listen();
      const { opened, response } = await open();
      const texts = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(20)}`);
      for (const text of texts) opened.socket.send(Buffer.from(text), false);
      let content = 0;
      let heard = 0;
      for (; content < 100; heard++) {
        const line = await response.line();
        expect(line).to.equal(`${before}a["${texts[heard]}"]`);
        content += line.length + (transport === "eventsource" ? "\r\n\r\n".length : "\n".length);
      }
      await response.ended();
      expect(response.res.complete).to.equal(true);

      const next = await stream(host.port, `/ws/000/s1/${transport}`, { method });
      let line = await next.line();
      while (!line.startsWith(`${before}a`)) line = await next.line();
      expect(line).to.equal(`${before}a${JSON.stringify(texts.slice(heard))}`);
      next.cut();
    });

    it("says goodbye behind what was gathered", async () => {
      host.endpoint({ sockJS: true });
      await host.listen();
      const { opened, response } = await open();
      opened.socket.send(Buffer.from("last"), false);
      expect(opened.socket.watchBuffer()).to.be.above("last".length);
      opened.socket.close(1001, "bye");
      expect([await response.line(), await response.line()]).to.deep.equal([
        `${before}a["last"]`,
        `${before}c[1001,"bye"]`,
      ]);
      await response.ended();
    });
  });
}

describe("A message that is shared over SockJS", () => {
  it("is put together of parts that are escaped once", () => {
    const head = new SharedPart(utf8("MESSAGE\ndestination:/topic/한\n"));
    const tail = new SharedPart(octetsOf(Buffer.from('\n{"a":"\u2028%"}\0')));
    const message = SharedMessage.filled({ head, tail, binary: false }, utf8("subscription:é\\c\n"));

    expect(message.jsonText).to.equal(jsonTextOf(octetsOf(message.bytes)));
    expect(JSON.parse(`"${textOfOctets(message.jsonText)}"`)).to.equal(Buffer.from(message.bytes).toString());
  });

  it("is written once for each transport", () => {
    const message = new SharedMessage(utf8("x"), false);
    const [streaming, eventSource] = ["xhr_streaming", "eventsource"].map(
      (name) => HTTP_TRANSPORTS.get(name) as HttpTransport,
    ) as [HttpTransport, HttpTransport];

    expect(message.carriedBy(streaming.chunked)).to.equal(message.carriedBy(streaming.chunked));
    expect(message.carriedBy(streaming.chunked).run.chunk).to.equal('7\r\na["x"]\n\r\n');
    expect(message.carriedBy(eventSource.plain).run.chunk).to.equal('data: a["x"]\r\n\r\n');
    expect(message.carriedBy(eventSource.chunked).length).to.equal(16);
    expect(message.sockJs).to.equal(message.sockJs);
  });
});

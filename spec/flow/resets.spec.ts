import { once } from "node:events";
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { connect, type Socket as TcpSocket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectSecure } from "node:tls";
import { expect } from "chai";
import { reset as resetLine } from "#lib/testing/reset.js";
import { ForkedServer } from "../support/forked-server.js";
import { handshakeText } from "../support/socket-host.js";

/** So often each stage is met by a reset. */
const TIMES = 300;
const AT_ONCE = 50;

/** When the client resets its connection. */
type Moment = "when it has written" | "when it has read";

const UNREAD: readonly Moment[] = ["when it has written"];
const MOMENTS: readonly Moment[] = ["when it has written", "when it has read"];
const PIPELINED = ["/ok", "/late", "/ws", "/ws/info", "/ws/iframe.html", "/ws/0/s/xhr", "/nowhere"];
const PATHS = ["/ws", "/ws/websocket", "/ws/0/s/websocket"];
const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n\0";

/** A masked text frame, with a mask of zeros. */
function webSocketFrame(text: string): Buffer {
  const head = text.length < 126 ? [text.length] : [126, text.length >> 8, text.length & 255];
  head[0] = (head[0] as number) | 0x80;
  return Buffer.concat([Buffer.from([0x81, ...head, 0, 0, 0, 0]), Buffer.from(text)]);
}

function nth<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}

function get(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

function post(path: string, body: string, length = Buffer.byteLength(body)): string {
  const type = "Content-Type: text/plain\r\n";
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}Content-Length: ${length}\r\n\r\n${body}`;
}

interface Connection {
  /** What is reset. */
  readonly line: TcpSocket;
  /** What is written to: the same, or TLS on it. */
  readonly stream: Duplex;
}

/** A stream for TLS that leaves its socket to us. Node crashes when one resets a socket that TLS has taken over. */
function carriedBy(line: TcpSocket): Duplex {
  const stream = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => void line.write(chunk, () => done()),
  });
  line.on("data", (chunk) => stream.push(chunk));
  line.on("close", () => stream.destroy());
  return stream;
}

describe("A client that resets its connection", function () {
  this.timeout(120_000);

  for (const kind of ["plain", "secure", "shared"] as const) {
    describe(`of a server that is ${kind}`, () => {
      let server: ForkedServer | undefined;

      beforeEach(async () => {
        if (server === undefined || server.hasExited)
          server = await ForkedServer.start("reset-server.js", kind);
      });

      after(async () => {
        await server?.kill();
      });

      function running(): ForkedServer {
        return server as ForkedServer;
      }

      async function open(): Promise<Connection> {
        const line = connect(running().port, "127.0.0.1");
        line.on("error", () => {});
        if (kind !== "secure") {
          await Promise.race([once(line, "connect"), once(line, "close")]);
          return { line, stream: line };
        }
        const stream = connectSecure({ socket: carriedBy(line), rejectUnauthorized: false });
        stream.on("error", () => {});
        await Promise.race([once(stream, "secureConnect"), once(line, "close")]);
        return { line, stream };
      }

      /** Opens connections, and resets each when its server has got what it sends, or has begun to answer. */
      async function reset(sent: readonly (string | Buffer)[], moment: Moment): Promise<void> {
        const connections = await Promise.all(sent.map(open));
        const answers = connections.map(({ line, stream }) => {
          return new Promise((resolve) => {
            stream.once("data", resolve);
            line.once("close", resolve);
          });
        });
        const write = () => {
          return Promise.all(
            connections.map(({ stream }, i) => new Promise((resolve) => stream.write(sent[i], resolve))),
          );
        };
        const cut = () => {
          for (const { line } of connections) resetLine(line);
        };
        if (moment === "when it has written") {
          await running().whileStopped(async () => {
            await write();
            cut();
          });
        } else {
          await write();
          await Promise.all(answers);
          cut();
        }
      }

      async function answer(path: string): Promise<string> {
        const options = {
          host: "127.0.0.1",
          port: running().port,
          path,
          agent: false,
          rejectUnauthorized: false,
        };
        const request = kind === "secure" ? requestSecure(options) : requestPlain(options);
        request.end();
        const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
        let text = "";
        for await (const chunk of response) text += String(chunk);
        return text;
      }

      /** How many requests were held at a stage. */
      async function reached(stage: string): Promise<number> {
        return (JSON.parse(await answer("/reached")) as Record<string, number>)[stage] ?? 0;
      }

      /** Resets many connections, each of which sends what `bytesOf` gives; the process has to outlive them. */
      async function outlives(bytesOf: (n: number) => string | Buffer, moments = MOMENTS): Promise<void> {
        for (let n = 0; n < TIMES && !running().hasExited; n += AT_ONCE) {
          const moment = nth(moments, n / AT_ONCE);
          const sent = Array.from({ length: AT_ONCE }, (_, i) => bytesOf(n + i));
          // A server that is gone is found below.
          await reset(sent, moment).catch(() => {});
        }
        const lives = await answer("/ok").catch((error: unknown) => String(error));
        expect({ lives, complaints: running().complaints }).to.deep.equal({ lives: "ok", complaints: "" });
      }

      /** A WebSocket path; of a new SockJS session where it has one. */
      const path = (n: number) => nth(PATHS, n).replace("/s/", `/s${n}/`);

      it("right behind a GET and a handshake in one segment", async () => {
        await outlives((n) => get(nth(PIPELINED, n)) + handshakeText(path(n)), UNREAD);
      });

      it("behind a GET that is answered while the handshake waits", async () => {
        const before = await reached("late");
        const late = get("/late", "X-Hold: late\r\n");
        await outlives(
          (n) => late + handshakeText(path(n), { "X-Hold": n % 2 ? "middleware" : "none" }),
          UNREAD,
        );

        expect(await reached("late")).to.be.above(before);
      });

      for (const stage of ["middleware", "interceptor", "user"]) {
        it(`while the handshake is held by ${stage}`, async () => {
          const before = await reached(stage);
          await outlives((n) => {
            return (n % 2 ? get("/ok") : "") + handshakeText(path(n), { "X-Hold": stage });
          }, UNREAD);

          expect(await reached(stage)).to.be.above(before);
        });
      }

      it("when its handshake is refused", async () => {
        const refused = [
          handshakeText("/ws", { Origin: "http://elsewhere.example" }),
          handshakeText("/ws", { "X-Answer": "401" }),
          handshakeText("/ws/websocket", { "X-Answer": "403" }),
          handshakeText("/ws/0/s/websocket", { "Sec-WebSocket-Version": "7" }),
          handshakeText("/ws", { "Content-Length": "5" }),
          handshakeText("/ws", { Upgrade: "h2c" }),
          handshakeText("/nowhere"),
        ];
        await outlives((n) => nth(refused, n));
      });

      it("after 101", async () => {
        await outlives((n) => handshakeText(path(n)));
      });

      it("with frames on their way in both directions", async () => {
        const subscribe = "SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n\0";
        const send = `SEND\ndestination:/app/echo\n\n${"x".repeat(1_000)}\0`;
        const frames = [CONNECT, subscribe, ...Array.from({ length: 20 }, () => send)].map(webSocketFrame);
        await outlives(() => Buffer.concat([Buffer.from(handshakeText("/ws")), ...frames]));
      });

      const body = JSON.stringify([CONNECT]);
      const sockJS: Record<string, (id: string) => string> = {
        info: () => get("/ws/info"),
        "iframe.html": () => get("/ws/iframe.html"),
        xhr: (id) => post(`/ws/0/${id}/xhr`, ""),
        xhr_streaming: (id) => post(`/ws/0/${id}/xhr_streaming`, ""),
        eventsource: (id) => get(`/ws/0/${id}/eventsource`),
        htmlfile: (id) => get(`/ws/0/${id}/htmlfile?c=call`),
        jsonp: (id) => get(`/ws/0/${id}/jsonp?c=call`),
        "xhr_send, whole and not": (id) => {
          const length = body.length + (id.endsWith("1") ? 5 : 0);
          return post(`/ws/0/${id}/xhr`, "") + post(`/ws/0/${id}/xhr_send`, body, length);
        },
        "jsonp_send, whole and not": (id) => {
          const length = body.length + (id.endsWith("1") ? 5 : 0);
          return get(`/ws/0/${id}/jsonp?c=call`) + post(`/ws/0/${id}/jsonp_send`, body, length);
        },
        "a poll that waits, and another": (id) => {
          const poll = post(`/ws/0/${id}/xhr`, "");
          return poll + post(`/ws/0/${id}/xhr_send`, body) + poll + poll;
        },
        "a stream, and a handshake behind it": (id) => {
          return post(`/ws/0/${id}/xhr_streaming`, "") + handshakeText(`/ws/0/${id}/websocket`);
        },
      };
      for (const [name, bytesOf] of Object.entries(sockJS)) {
        // Its requests are node's, whoever listens for upgrades.
        if (kind === "shared") break;
        it(`behind SockJS's ${name}`, async () => {
          await outlives((n) => bytesOf(`s${n}`));
        });
      }

      it("when its handshake is another library's", async () => {
        await outlives((n) => (n % 2 ? get("/ok") : "") + handshakeText("/theirs"));
      });
    });
  }
});

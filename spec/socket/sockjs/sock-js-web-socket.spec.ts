import { once } from "node:events";
import { expect } from "chai";
import { closing, listenTo, openWebSocket, receivedText, SocketHost } from "../../support/socket-host.js";

const FRAMED = "/ws/000/s1/websocket";

describe("SockJsWebSocket", () => {
  let host: SocketHost;
  let port: number;

  async function start(options: ConstructorParameters<typeof SocketHost>[0] = {}, heartbeatTime = 25_000) {
    host = new SocketHost(options);
    host.endpoint({ sockJS: { heartbeatTime } });
    port = await host.listen();
  }

  afterEach(async () => {
    await host.close();
  });

  it("opens, echoes in frames, and joins what comes in one", async () => {
    await start();
    const client = await openWebSocket(port, FRAMED);
    expect(await client.next()).to.equal("o");
    client.ws.send('["one ","two"]');
    expect(await client.next()).to.equal('a["one two"]');
    client.ws.send('"bare \\u0000\\u2028"');
    expect(await client.next()).to.equal('a["bare \\u0000\\u2028"]');
    expect((await host.nth(0)).socket.transport).to.equal("websocket");
  });

  it("serves plain WebSocket at the path and at its websocket", async () => {
    await start();
    for (const path of ["/ws", "/ws/websocket", "/ws/websocket/"]) {
      const client = await openWebSocket(port, path);
      client.ws.send('["plain"]');
      expect(await client.next()).to.equal('["plain"]');
    }
  });

  it("sends heart-beats until it is closed", async () => {
    await start({}, 20);
    const client = await openWebSocket(port, FRAMED);
    expect([await client.next(), await client.next(), await client.next()]).to.deep.equal(["o", "h", "h"]);
  });

  it("ignores empty messages", async () => {
    await start();
    const client = await openWebSocket(port, FRAMED);
    client.ws.send("");
    client.ws.send("[]");
    client.ws.send('[""]');
    client.ws.send('["x"]');
    await client.next();
    expect(await client.next()).to.equal('a["x"]');
    expect((await host.nth(0)).received).to.have.length(1);
  });

  for (const text of ['["x', "[1]", '["x",null]', "{}", "null", "\ufeff[]"]) {
    it(`closes with 1007 when it is sent ${JSON.stringify(text)}`, async () => {
      await start();
      const client = await openWebSocket(port, FRAMED);
      client.ws.send(text);
      expect(await client.next()).to.equal("o");
      expect(await client.next()).to.equal('c[1007,"Broken JSON encoding."]');
      expect(await client.closed()).to.deep.equal({ code: 1007, reason: "Broken JSON encoding." });
      expect((await closing(await host.nth(0))).code).to.equal(1007);
    });
  }

  it("takes what grows sixfold as JSON", async () => {
    await start({ messageSizeLimit: 1000 });
    const client = await openWebSocket(port, FRAMED);
    const text = "\u0001".repeat(1000);
    client.ws.send(JSON.stringify([text]));
    await client.next();
    expect(await client.next()).to.equal(`a${JSON.stringify([text])}`);
  });

  it("closes with 1009 when a message is too long", async () => {
    await start({ messageSizeLimit: 1000 });
    const client = await openWebSocket(port, FRAMED);
    client.ws.send(JSON.stringify(["x".repeat(8000)]));
    expect((await client.closed()).code).to.equal(1009);
    expect((await closing(await host.nth(0))).code).to.equal(1009);
  });

  it("tells code and reason in its own frame before the close", async () => {
    await start();
    const client = await openWebSocket(port, FRAMED);
    const opened = await host.nth(0);
    opened.socket.send(Buffer.from("last"), false);
    opened.socket.close(4500, "한".repeat(50));
    opened.socket.close(1000, "again");

    expect([await client.next(), await client.next(), await client.next()]).to.deep.equal([
      "o",
      'a["last"]',
      `c[4500,"${"한".repeat(41)}"]`,
    ]);
    expect((await client.closed()).code).to.equal(4500);
    await closing(opened);
    expect(opened.closings).to.have.length(1);
  });

  it("joins the halves of a surrogate pair", async () => {
    await start({ echo: false });
    const client = await openWebSocket(port, FRAMED);
    const opened = await host.nth(0);
    listenTo(opened);
    client.ws.send('["a\\ud83d"]');
    client.ws.send('["\\ude00b"]');
    while (opened.received.length < 2) await once(opened.events, "data");
    expect(receivedText(opened)).to.equal("a😀b");
  });
});

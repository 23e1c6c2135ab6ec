import { expect } from "chai";
import {
  bearerToken,
  type ChannelInterceptor,
  Controller,
  csrfToken,
  MessageMapping,
  SessionGrant,
  type StompMessagingOptions,
  withHeaders,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converse, handshakeText } from "../support/socket-host.js";
import { http, post } from "../support/sockjs-http.js";

const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n";
const EVIL = "https://evil.example";

describe("Who has to say who they are", () => {
  let server: TestServer;
  let counted: number;
  const clients: RawClient[] = [];

  @Controller()
  class Counter {
    @MessageMapping("/count")
    count() {
      counted++;
    }
  }

  async function start(options: Partial<StompMessagingOptions> = {}) {
    counted = 0;
    server = await startServer({ controllers: [Counter], ...options }, (app) => app.set("env", "test"));
  }

  function intercepted(...interceptors: ChannelInterceptor[]) {
    return start({ clientInboundChannel: { interceptors } });
  }

  async function open() {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server?.close();
  });

  describe("cannot go on after a refused CONNECT (CVE-2025-41254)", () => {
    const SEND = "SEND\ndestination:/app/count\n\n^@";
    const refusing: [how: string, interceptor: () => ChannelInterceptor][] = [
      ["at once", () => csrfToken({ repository: { load: () => "", save() {} } })],
      [
        "later",
        () =>
          bearerToken({
            async verify() {
              await new Promise((resolve) => setImmediate(resolve));
              throw new Error("bad");
            },
          }),
      ],
    ];
    for (const [how, interceptor] of refusing) {
      it(`when what comes behind it is in the same message, refused ${how}`, async () => {
        await intercepted(interceptor());
        const client = await open();
        client.send(`${CONNECT}Authorization:Bearer x\n\n^@${SEND}`);
        expect(await client.frame()).to.match(/^ERROR\n/);
        client.send(SEND);
        expect(await client.closed()).to.equal(1002);
        expect(counted).to.equal(0);
      });
    }

    it("when something stands before it", async () => {
      await intercepted(bearerToken({ verify: (name) => ({ user: { name } }) }));
      const client = await open();
      client.send(`${SEND}${CONNECT}Authorization:Bearer rod\n\n^@${SEND}`);
      expect(await client.frame()).to.match(/^ERROR\nmessage:SEND came before CONNECT\n/);
      expect(await client.closed()).to.equal(1002);
      expect(counted).to.equal(0);
    });
  });

  it("ask for one token each, however often they send CONNECT (CVE-2022-22971)", async () => {
    let asked = 0;
    await intercepted(
      bearerToken({
        async verify(name) {
          asked++;
          await new Promise((resolve) => setImmediate(resolve));
          return { user: { name } };
        },
      }),
    );
    const client = await open();
    client.send(`${CONNECT}Authorization:Bearer rod\n\n^@`.repeat(100));
    expect(await client.frame()).to.match(/^CONNECTED\n/);
    expect(await client.frame()).to.match(/^ERROR\n/);
    expect(await client.closed()).to.equal(1002);
    expect(asked).to.equal(1);
  });

  it("read nothing of their secrets in an answer, ERROR or the log (CVE-2026-47893)", async () => {
    const failing = {
      beforeHandshake(request: { url: string }) {
        if (request.url.includes("fail")) throw new Error("no database");
        return !request.url.includes("refuse");
      },
    };
    await start({
      endpoints: [{ path: "/ws", sockJS: true, handshakeInterceptors: [failing] }],
      clientInboundChannel: {
        interceptors: [
          bearerToken({
            verify: (token) => Promise.reject(new TypeError(`no ${token}`, { cause: { deep: { token } } })),
          }),
        ],
      },
    });
    const headers = { Authorization: "Bearer SECRET", Cookie: "id=SECRET" };
    let text = "";
    for (const query of ["?fail", "?refuse"]) {
      text += await converse(server.port, handshakeText(`/ws${query}`, headers));
      text += (await post(server.port, `/ws/000/s1/xhr${query}`, "", { headers })).text;
    }
    const client = await open();
    client.send(`${CONNECT}Authorization:Bearer SECRET\n\n^@`);
    text += await client.frame();

    expect(text).to.contain("The token is not valid").and.contain("Handshake refused");
    expect(text + server.log.join("\n")).to.not.contain("SECRET");
  });

  it("gain nothing by a name that is the id of another's session (CVE-2026-41838)", async () => {
    const granting: ChannelInterceptor = {
      preSend(message) {
        const { messageType, native } = message.headers;
        if (messageType !== "CONNECT") return message;
        const grant = new SessionGrant({
          expires: Date.now() + 3_000,
          ahead: 60_000,
          noticeDestination: "/queue/token",
        });
        const name = native.get("login");
        return name === undefined
          ? withHeaders(message, { grant })
          : withHeaders(message, { user: { name } });
      },
    };
    await intercepted(granting);
    const session = new Promise<string>((resolve) =>
      server.messaging.on("connected", ({ sessionId }) => resolve(sessionId)),
    );
    const stranger = await RawClient.connect(server.port);
    const namesake = await RawClient.connect(server.port, `login:${await session}\n`);
    clients.push(stranger, namesake);
    for (const client of [namesake, stranger]) {
      client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/token\n\n^@");
      await client.synchronize();
    }
    expect(await stranger.frame()).to.match(/^MESSAGE\n[\s\S]*\{"expiresIn":[012]\}\^@$/);
    expect(await namesake.synchronize()).to.deep.equal([]);
  });

  it("are not even asked when they come from another origin, at any path (CVE-2026-59390)", async () => {
    let asked = 0;
    const counting = {
      beforeHandshake() {
        asked++;
        return true;
      },
    };
    await start({ endpoints: [{ path: "/ws", sockJS: true, handshakeInterceptors: [counting] }] });
    const headers = { Origin: EVIL, Cookie: "id=1" };
    for (const path of ["/ws", "/ws/websocket", "/ws/000/s1/websocket"]) {
      expect(await converse(server.port, handshakeText(path, headers)), path).to.match(/^HTTP\/1\.1 403 /);
    }
    for (const path of ["/ws/000/s1/xhr", "/ws/000/s1/xhr_streaming"]) {
      expect((await post(server.port, path, "", { headers })).status, path).to.equal(403);
    }
    expect((await http(server.port, "/ws/000/s1/eventsource", { headers })).status).to.equal(403);
    expect(asked).to.equal(0);
  });
});

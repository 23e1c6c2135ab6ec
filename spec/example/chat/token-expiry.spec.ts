import { createServer } from "node:http";
import { expect } from "chai";
import express from "express";
import {
  type BearerTokenInterceptor,
  bearerToken,
  type StompMessaging,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { jwtVerify, SignJWT } from "jose";
import type { ChatRoom } from "../../../example/chat/chat-room.js";
import { chatSecurity } from "../../../example/chat/chat-security.js";
import { closeServer, listen } from "../../../example/shared/http-server.js";
import { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { bodyOf, subscribe } from "./visitor.js";

const SECRET = new TextEncoder().encode("a secret of the spec, of 32 octets");
const TEA: ChatRoom = { id: "tea", name: "Tea", openedBy: "Mina", openedAt: 0 };
const ROOM = "/sub/chat/room/tea";

describe("the chat's rules for people with tokens", () => {
  const server = createServer();
  let tokens: BearerTokenInterceptor;
  let messaging: StompMessaging;
  let port: number;
  const clients: RawClient[] = [];

  before(async () => {
    tokens = bearerToken({
      async verify(token) {
        const { payload } = await jwtVerify(token, SECRET, { requiredClaims: ["sub", "exp"] });
        return { user: { name: String(payload.sub) }, exp: payload.exp };
      },
      renewal: { destination: "/pub/chat/token" },
    });
    messaging = stompMessaging({
      endpoints: [{ path: "/stomp/chat" }],
      applicationDestinationPrefixes: ["/pub"],
      broker: simpleBroker({ destinationPrefixes: ["/sub"] }),
      clientInboundChannel: { interceptors: [tokens] },
      security: chatSecurity({
        rooms: { findById: async (id) => (id === TEA.id ? TEA : undefined) },
        members: { isStaff: async () => false },
      }),
      logger: recordingLogger(),
    });
    server.on("request", express().use(messaging));
    messaging.attach(server);
    port = await listen(server, 0, "127.0.0.1");
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
  });

  after(async () => {
    await messaging.close();
    await closeServer(server);
  });

  const tokenOf = (name: string, seconds: number) =>
    new SignJWT({ sub: name, exp: Date.now() / 1000 + seconds })
      .setProtectedHeader({ alg: "HS256" })
      .sign(SECRET);

  async function enter(token: string) {
    const headers = `heart-beat:0,0\nAuthorization:Bearer ${token}\n`;
    const client = await RawClient.connect(port, headers, "/stomp/chat");
    clients.push(client);
    client.send(subscribe(ROOM));
    await client.synchronize();
    return client;
  }

  const say = (message: string) => messaging.template.convertAndSend(ROOM, { message });

  it("tell nothing more to whose token has expired, and why; others go on", async () => {
    const jun = await enter(await tokenOf("Jun", 60));
    const mina = await enter(await tokenOf("Mina", 1));
    const exp = Date.now() + 1000;
    await say("before");
    expect(bodyOf(await mina.frame())).to.deep.equal({ message: "before" });

    // No clock of the library ticks meanwhile: what is sent next is the first to see it.
    while (Date.now() <= exp);
    await say("after");
    expect(await mina.frame())
      .to.match(/^ERROR\n/)
      .and.include("message:The token has expired\n");
    expect(await mina.closed()).to.equal(1002);
    expect(bodyOf(await jun.frame())).to.deep.equal({ message: "before" });
    expect(bodyOf(await jun.frame())).to.deep.equal({ message: "after" });
  });

  it("keep the session, and what it hears, when it sends the next token in time", async () => {
    const mina = await enter(await tokenOf("Mina", 1));
    const expired = Date.now() + 1000;
    const next = await tokenOf("Mina", 60);
    mina.send(`SEND\ndestination:/pub/chat/token\nAuthorization:Bearer ${next}\nreceipt:renewed\n\n^@`);
    expect(await mina.frame()).to.match(/^RECEIPT\nreceipt-id:renewed\n/);

    while (Date.now() <= expired);
    await say("after the first");
    expect(bodyOf(await mina.frame())).to.deep.equal({ message: "after the first" });
  });

  it("end the session that renews with a token of somebody else", async () => {
    const mina = await enter(await tokenOf("Mina", 60));
    mina.send(`SEND\ndestination:/pub/chat/token\nAuthorization:Bearer ${await tokenOf("Jun", 60)}\n\n^@`);

    expect(await mina.frame()).to.match(/^ERROR\n/);
    expect(await mina.closed()).to.equal(1002);
  });

  it("end sessions whose tokens are revoked", async () => {
    const [mina, jun] = [await enter(await tokenOf("Mina", 60)), await enter(await tokenOf("Jun", 60))];
    expect(tokens.revoke({ user: "Mina" }, "Your account is closed")).to.equal(1);

    expect(await mina.frame()).to.include("message:Your account is closed\n");
    expect(await jun.synchronize()).to.deep.equal([]);
  });
});

import { expect } from "chai";
import express from "express";
import {
  type BearerTokenInterceptor,
  bearerToken,
  type StompMessaging,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { fakeClock, type TestClient, type TestMessaging, testMessaging } from "express-stomp/testing";
import { jwtVerify, SignJWT } from "jose";
import type { ChatRoom } from "../../../example/chat/chat-room.js";
import { chatSecurity } from "../../../example/chat/chat-security.js";
import { recordingLogger } from "../../support/recording.js";

const SECRET = new TextEncoder().encode("a secret of the spec, of 32 octets");
const TEA: ChatRoom = { id: "tea", name: "Tea", openedBy: "Mina", openedAt: 0 };
const ROOM = "/sub/chat/room/tea";

describe("the chat's rules for people with tokens", () => {
  const clock = fakeClock();
  const standing = clock.date();
  /** The wall clock, in ms since the beginning: no timer rings when it goes on. */
  let later = 0;
  clock.date = () => standing + later;
  let tokens: BearerTokenInterceptor;
  let messaging: StompMessaging;
  let stomp: TestMessaging;
  const entered: TestClient[] = [];

  before(async () => {
    tokens = bearerToken({
      async verify(token) {
        const currentDate = new Date(clock.date());
        const { payload } = await jwtVerify(token, SECRET, { requiredClaims: ["sub", "exp"], currentDate });
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
      clock,
    });
    stomp = await testMessaging(express().use(messaging), messaging, { clock });
  });

  afterEach(() => Promise.all(entered.splice(0).map((client) => client.close())));

  after(() => stomp.close());

  const tokenOf = (name: string, seconds: number) =>
    new SignJWT({ sub: name, exp: clock.date() / 1000 + seconds })
      .setProtectedHeader({ alg: "HS256" })
      .sign(SECRET);

  async function enter(token: string) {
    const client = await stomp.connect({ headers: { Authorization: `Bearer ${token}` } });
    entered.push(client);
    return { client, room: await client.subscribe(ROOM) };
  }

  const say = (message: string) => messaging.template.convertAndSend(ROOM, { message });

  it("tell nothing more to whose token has expired, and why; others go on", async () => {
    const jun = await enter(await tokenOf("Jun", 60));
    const mina = await enter(await tokenOf("Mina", 1));
    await say("before");
    expect(await mina.room.next()).to.deep.equal({ message: "before" });

    // No clock of the library ticks meanwhile: what is sent next is the first to see it.
    later += 1_000;
    await say("after");
    expect(await mina.client.frame()).to.have.nested.property("headers.message", "The token has expired");
    expect(await mina.client.closed).to.include({ code: 1002 });
    expect(await mina.room.bodies()).to.deep.equal([]);
    expect(await jun.room.bodies()).to.deep.equal([{ message: "before" }, { message: "after" }]);
  });

  it("keep the session, and what it hears, when it sends the next token in time", async () => {
    const { client, room } = await enter(await tokenOf("Mina", 1));
    const next = await tokenOf("Mina", 60);
    await client.send("/pub/chat/token", undefined, { Authorization: `Bearer ${next}` });

    later += 1_000;
    await say("after the first");
    expect(await room.next()).to.deep.equal({ message: "after the first" });
  });

  it("end the session that renews with a token of somebody else", async () => {
    const { client } = await enter(await tokenOf("Mina", 60));
    await client.refused("/pub/chat/token", "", {
      headers: { Authorization: `Bearer ${await tokenOf("Jun", 60)}` },
    });
    expect(await client.closed).to.include({ code: 1002 });
  });

  it("end sessions whose tokens are revoked", async () => {
    const [mina, jun] = [await enter(await tokenOf("Mina", 60)), await enter(await tokenOf("Jun", 60))];
    expect(tokens.revoke({ user: "Mina" }, "Your account is closed")).to.equal(1);

    expect(await mina.client.frame()).to.have.nested.property("headers.message", "Your account is closed");
    await jun.room.nothing();
    expect(jun.client.isOpen).to.equal(true);
  });
});

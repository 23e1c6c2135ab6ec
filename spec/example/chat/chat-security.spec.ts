import { expect } from "chai";
import type { ImaginedMessage, MessageSecurity } from "express-stomp";
import type { ChatRoom } from "../../../example/chat/chat-room.js";
import { chatSecurity } from "../../../example/chat/chat-security.js";

const ROOM: ChatRoom = { id: "tea", name: "Tea", openedBy: "Mina", openedAt: 0 };

describe("the chat's rules", () => {
  let security: MessageSecurity;

  before(() => {
    security = chatSecurity({
      rooms: { findById: async (id) => (id === ROOM.id ? ROOM : undefined) },
      members: { isStaff: async (name) => name === "Sora" },
    });
  });

  const isGranted = async (name: string | undefined, message: ImaginedMessage) =>
    (await security.decide(name === undefined ? undefined : { name }, message)).granted;

  const forMembers: ImaginedMessage[] = [
    { type: "CONNECT" },
    { type: "MESSAGE", destination: "/pub/chat/enter" },
    { type: "MESSAGE", destination: "/pub/chat/message" },
    { type: "MESSAGE", destination: "/pub/chat/private" },
    { type: "SUBSCRIBE", destination: "/pub/chat/room/tea" },
    { type: "SUBSCRIBE", destination: "/pub/chat/private" },
    { type: "SUBSCRIBE", destination: "/sub/chat/room/tea" },
    { type: "SUBSCRIBE", destination: "/sub/chat/room/tea/presence" },
    { type: "SUBSCRIBE", destination: "/user/queue/private" },
    { type: "SUBSCRIBE", destination: "/user/queue/errors" },
  ];
  for (const message of forMembers) {
    it(`lets members alone ${message.type} ${message.destination ?? ""}`, async () => {
      expect(await isGranted("Mina", message)).to.equal(true);
      expect(await isGranted(undefined, message)).to.equal(false);
    });
  }

  it("lets the staff alone end sessions", async () => {
    const message: ImaginedMessage = { type: "MESSAGE", destination: "/pub/chat/staff/end" };

    expect(await isGranted("Sora", message)).to.equal(true);
    for (const name of ["Mina", "sora", undefined]) expect(await isGranted(name, message)).to.equal(false);
  });

  const forNobody: ImaginedMessage[] = [
    ...[
      "/sub/chat/room/tea",
      "/sub/chat/room/tea/presence",
      "/pub/chat/room/tea",
      "/pub//chat/message",
      "/pub/chat/message/",
      "/PUB/chat/message",
      "/pub/chat/%6dessage",
      "/user/Mina/queue/private",
      "/user/queue/private",
      "",
    ].map((destination) => ({ type: "MESSAGE", destination }) as const),
    ...[
      "/sub/chat/room/coffee",
      "/sub/chat/room/",
      "/sub/chat/room/*",
      "/sub/chat/room/?ea",
      "/sub/**",
      "/**",
      "/user/**",
      "/user/queue/*",
      "/user/Mina/queue/private",
      "/user/Sora/queue/errors",
      "/queue/private",
      "/queue/private-userMina",
    ].map((destination) => ({ type: "SUBSCRIBE", destination }) as const),
    { type: "SUBSCRIBE", destination: "/pub/chat/staff/end" },
  ];
  for (const message of forNobody) {
    it(`lets nobody ${message.type} ${message.destination}`, async () => {
      for (const name of ["Mina", "Sora", undefined]) expect(await isGranted(name, message)).to.equal(false);
    });
  }
});

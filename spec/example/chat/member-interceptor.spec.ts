import { expect } from "chai";
import { AccessDeniedError, createMessage, type SimpMessageType } from "express-stomp";
import { ChatRoomRepository } from "../../../example/chat/chat-room-repository.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { MemberInterceptor } from "../../../example/chat/member-interceptor.js";
import { newFile } from "../../support/databases.js";

describe("MemberInterceptor", () => {
  let database: ChatDatabase;
  let interceptor: MemberInterceptor;
  let destination: string;

  before(async () => {
    database = await openDatabase(await newFile());
    const rooms = new ChatRoomRepository(database);
    interceptor = new MemberInterceptor(rooms);
    destination = `/sub/chat/room/${(await rooms.create("Tea", "Mina")).id}`;
  });

  after(() => database.destroy());

  for (const messageType of ["SUBSCRIBE", "MESSAGE"] as const) {
    it(`refuses ${messageType} of a session that nobody logged in to`, async () => {
      const message = createMessage(new Uint8Array(), { messageType, destination });
      const failure = await interceptor.preSend(message).catch((error: unknown) => error);

      expect(failure).to.be.instanceOf(AccessDeniedError);
      expect(failure).to.have.property("publicMessage", "Only members may chat. Log in first.");
    });
  }

  for (const messageType of ["CONNECT", "UNSUBSCRIBE", "DISCONNECT"] as SimpMessageType[]) {
    it(`lets ${messageType} pass`, async () => {
      const message = createMessage(new Uint8Array(), { messageType });

      expect(await interceptor.preSend(message)).to.equal(message);
    });
  }
});

import { expect } from "chai";
import { ChatMessageRepository } from "../../../example/chat/chat-message-repository.js";
import { ChatRoomRepository } from "../../../example/chat/chat-room-repository.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { onEachDatabase } from "../../support/databases.js";

describe("ChatMessageRepository", () => {
  onEachDatabase((newDatabase) => {
    let database: ChatDatabase;
    let messages: ChatMessageRepository;
    let roomId: string;

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      messages = new ChatMessageRepository(database);
      roomId = (await new ChatRoomRepository(database).create("one", "Mina")).id;
    });

    afterEach(() => database.destroy());

    it("gives the last messages in the order they were sent", async () => {
      for (let i = 1; i <= 5; i++) await messages.create(roomId, "Mina", `message ${i}`);

      const latest = await messages.findLatest(roomId, 3);

      expect(latest.map((message) => message.message)).to.deep.equal(["message 3", "message 4", "message 5"]);
    });

    it("gives back what was kept, number and time included", async () => {
      const kept = await messages.create(roomId, "민아", "<b>안녕</b>\n'; drop table chat_message; --");

      expect(await messages.findLatest(roomId, 50)).to.deep.equal([kept]);
      expect(kept.id).to.be.a("number");
    });

    it("keeps a message once that comes again under its writer's id, and gives it as it was kept", async () => {
      const kept = await messages.create(roomId, "Mina", "hello", "1");
      const again = await Promise.all(
        ["hello", "changed"].map((text) => messages.create(roomId, "Mina", text, "1")),
      );
      const others = [
        await messages.create(roomId, "Jun", "hello", "1"),
        await messages.create(roomId, "Mina", "hello", "2"),
        await messages.create(roomId, "Mina", "hello"),
        await messages.create(roomId, "Mina", "hello"),
      ];

      expect(again).to.deep.equal([kept, kept]);
      expect(await messages.findLatest(roomId, 50)).to.deep.equal([kept, ...others]);
    });

    it("keeps the rooms apart", async () => {
      const other = await new ChatRoomRepository(database).create("two", "Mina");
      await messages.create(other.id, "Mina", "over there");

      expect(await messages.findLatest(roomId, 50)).to.deep.equal([]);
    });

    it("refuses a message in a room that does not exist", async () => {
      const failure = await messages.create("nowhere", "Mina", "hello").catch((error: unknown) => error);

      expect(failure).to.be.instanceOf(Error);
    });
  });
});

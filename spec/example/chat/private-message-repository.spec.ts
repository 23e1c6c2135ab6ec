import { expect } from "chai";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { PrivateMessageRepository } from "../../../example/chat/private-message-repository.js";
import { onEachDatabase } from "../../support/databases.js";

describe("PrivateMessageRepository", () => {
  onEachDatabase((newDatabase) => {
    let database: ChatDatabase;
    let messages: PrivateMessageRepository;

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      messages = new PrivateMessageRepository(database);
    });

    afterEach(() => database.destroy());

    it("gives a member the last messages that they wrote or were written, and nobody else's", async () => {
      const said = [];
      for (const [writer, recipient] of [
        ["Mina", "Jun"],
        ["Jun", "Mina"],
        ["Jun", "Sora"],
        ["Sora", "Mina"],
      ] as const) {
        said.push(await messages.create(writer, recipient, "psst"));
      }
      const [one, two, three, four] = said;

      expect(await messages.findLatest("Mina", 50)).to.deep.equal([one, two, four]);
      expect(await messages.findLatest("Mina", 2)).to.deep.equal([two, four]);
      expect(await messages.findLatest("Sora", 50)).to.deep.equal([three, four]);
      expect(await messages.findLatest("Stranger", 50)).to.deep.equal([]);
    });

    it("keeps a message once that comes again under its writer's id, and gives it as it was kept", async () => {
      const kept = await messages.create("Mina", "Jun", "hello", "1");
      const again = await Promise.all(
        ["Jun", "Sora"].map((recipient) => messages.create("Mina", recipient, "changed", "1")),
      );
      const others = [
        await messages.create("Jun", "Mina", "hello", "1"),
        await messages.create("Mina", "Jun", "hello", "2"),
        await messages.create("Mina", "Jun", "hello"),
        await messages.create("Mina", "Jun", "hello"),
      ];

      expect(again).to.deep.equal([kept, kept]);
      expect(await messages.findLatest("Mina", 50)).to.deep.equal([kept, ...others]);
    });
  });
});

import { expect } from "chai";
import { ChatRoomRepository } from "../../../example/chat/chat-room-repository.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { onEachDatabase } from "../../support/databases.js";

describe("ChatRoomRepository", () => {
  onEachDatabase((newDatabase) => {
    let url: string;
    let database: ChatDatabase;
    let rooms: ChatRoomRepository;

    beforeEach(async () => {
      url = await newDatabase();
      database = await openDatabase(url);
      rooms = new ChatRoomRepository(database);
    });

    afterEach(() => database.destroy());

    it("gives the rooms newest first, also those of one millisecond", async () => {
      for (const name of ["one", "two", "three"]) await rooms.create(name, "Mina");

      expect((await rooms.findAll()).map((room) => room.name)).to.deep.equal(["three", "two", "one"]);
    });

    it("finds a room as it was opened", async () => {
      const room = await rooms.create("바다 🌊 <b>", "Mina");

      expect(await rooms.findById(room.id)).to.deep.equal(room);
      expect(room).to.include({ name: "바다 🌊 <b>", openedBy: "Mina" });
      expect(room.openedAt).to.be.closeTo(Date.now(), 10_000);
    });

    it("finds no room by what is no id of a room", async () => {
      await rooms.create("one", "Mina");
      const unknown = "00000000-0000-4000-8000-000000000000";

      for (const id of [unknown, "", "\u0000", "' or 1=1 --", "__proto__", undefined, ["x"], { id: 1 }]) {
        expect(await rooms.findById(id), String(id)).to.equal(undefined);
      }
    });

    it("has the rooms after the database was closed and opened again", async () => {
      const room = await rooms.create("one", "Mina");
      await database.destroy();
      database = await openDatabase(url);

      expect(await new ChatRoomRepository(database).findAll()).to.deep.equal([room]);
    });
  });
});

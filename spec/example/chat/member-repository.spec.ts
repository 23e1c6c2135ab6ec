import { expect } from "chai";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { onEachDatabase } from "../../support/databases.js";

describe("MemberRepository", () => {
  onEachDatabase((newDatabase) => {
    let database: ChatDatabase;
    let members: MemberRepository;

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      members = new MemberRepository(database);
    });

    afterEach(() => database.destroy());

    it("finds a member by name and by id", async () => {
      const member = await members.create("Mina", "hash");

      expect(await members.findById(member!.id)).to.deep.equal({ id: member!.id, name: "Mina" });
      expect(await members.findByName("mina")).to.deep.equal({ ...member, passwordHash: "hash" });
    });

    for (const taken of ["Mina", "MINA", "Ｍｉｎａ"]) {
      it(`does not add ${taken} beside Mina`, async () => {
        await members.create("Mina", "hash");

        expect(await members.create(taken, "other")).to.equal(undefined);
        expect((await members.findByName("Mina"))?.passwordHash).to.equal("hash");
      });
    }

    it("makes a member one of the staff, and takes it back", async () => {
      await members.create("Mina", "hash");
      expect(await members.isStaff("Mina")).to.equal(false);

      expect(await members.setRole("mina", "staff")).to.equal(true);
      expect(await members.isStaff("Mina")).to.equal(true);
      await members.setRole("Mina", "member");
      expect(await members.isStaff("Mina")).to.equal(false);
    });

    it("gives nobody's role to a name that is not there", async () => {
      expect(await members.setRole("Mina", "staff")).to.equal(false);
      expect(await members.isStaff("Mina")).to.equal(false);
    });

    it("adds one of two that sign up with one name at once", async () => {
      const added = await Promise.all([members.create("Mina", "a"), members.create("Mina", "b")]);

      expect(added.filter(Boolean)).to.have.length(1);
    });
  });
});

import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { newFile } from "../../support/databases.js";

const PROGRAM = join(import.meta.dirname, "../../../example/chat/role.js");

describe("the chat's command for roles", () => {
  let url: string;

  beforeEach(async () => {
    url = await newFile();
    await withMembers((members) => members.create("Mina", "hash"));
  });

  async function withMembers<T>(work: (members: MemberRepository) => Promise<T>): Promise<T> {
    const database = await openDatabase(url);
    try {
      return await work(new MemberRepository(database));
    } finally {
      await database.destroy();
    }
  }

  function run(...args: string[]): Promise<{ code: unknown; output: string }> {
    return new Promise((resolve) => {
      const env = { ...process.env, DATABASE_URL: url };
      execFile(process.execPath, [PROGRAM, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, output: stdout + stderr });
      });
    });
  }

  it("makes a member one of the staff, and takes it back", async () => {
    expect(await run("mina")).to.deep.equal({ code: 0, output: "mina is now staff\n" });
    expect(await withMembers((members) => members.isStaff("Mina"))).to.equal(true);

    expect(await run("Mina", "member")).to.deep.equal({ code: 0, output: "Mina is now member\n" });
    expect(await withMembers((members) => members.isStaff("Mina"))).to.equal(false);
  });

  for (const [args, output] of [
    [["Nobody", "staff"], "There is no member Nobody\n"],
    [["Mina", "admin"], "npm run chat:role -- <name> [member|staff]\n"],
    [[], "npm run chat:role -- <name> [member|staff]\n"],
  ] as const) {
    it(`fails with "${output.trim()}" for ${JSON.stringify(args)}`, async () => {
      expect(await run(...args)).to.deep.equal({ code: 1, output });
    });
  }
});

import { existsSync } from "node:fs";
import { expect } from "chai";
import { dialectOf } from "../../../example/shared/database.js";

describe("dialectOf", () => {
  it("refuses the address of another database, without a word of its password, and makes no folder of it", () => {
    expect(() => dialectOf("mysql://root:secret@host/chat"))
      .to.throw("it cannot be mysql://…")
      .with.property("message")
      .not.include("secret");
    expect(existsSync("mysql:")).to.equal(false);
  });
});

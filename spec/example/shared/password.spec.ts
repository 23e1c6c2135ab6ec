import { expect } from "chai";
import { hashPassword, verifyPassword } from "../../../example/shared/password.js";

describe("password", () => {
  const { SCRYPT_N } = process.env;

  // As slow as in use.
  before(() => {
    delete process.env.SCRYPT_N;
  });

  after(() => {
    if (SCRYPT_N !== undefined) process.env.SCRYPT_N = SCRYPT_N;
  });

  it("is verified by its own hash, and no other is", async () => {
    const hash = await hashPassword("correct horse");

    expect(await verifyPassword("correct horse", hash)).to.equal(true);
    expect(await verifyPassword("correct horsf", hash)).to.equal(false);
    expect(await verifyPassword("", hash)).to.equal(false);
  });

  it("has another hash each time, which does not show it", async () => {
    const [one, two] = [await hashPassword("correct horse"), await hashPassword("correct horse")];

    expect(one).to.not.equal(two);
    expect(one)
      .to.match(/^scrypt\$32768\$8\$1\$/)
      .and.not.include("horse");
  });

  it("matches in whatever form a keyboard composes it", async () => {
    const hash = await hashPassword("비밀번호입니다".normalize("NFD"));

    expect(await verifyPassword("비밀번호입니다".normalize("NFC"), hash)).to.equal(true);
  });
});

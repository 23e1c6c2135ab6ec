import { expect } from "chai";
import { Seal, serversKey } from "#lib/servers/seal.js";

describe("Seal", () => {
  const key = serversKey("a secret of the servers");

  it("is opened by who has the same secret and the same purpose", () => {
    const alice = new Seal(key, "/topic/users");
    const bob = new Seal(serversKey("a secret of the servers"), "/topic/users");
    const opened = bob.open(alice.close(Buffer.from("hello")));
    expect(opened).to.deep.equal({ from: alice.id, sequence: 1, content: Buffer.from("hello") });
    expect(bob.open(alice.close(Buffer.from("again")))?.sequence).to.equal(2);
  });

  it("shows nothing of what it holds", () => {
    const sealed = new Seal(key, "/topic/users").close(Buffer.from("a letter to rod"));
    expect(sealed.toString("latin1")).to.not.include("rod");
  });

  it("stays closed for another secret", () => {
    const sealed = new Seal(serversKey("another secret of others"), "/topic/users").close(
      Buffer.from("hello"),
    );
    expect(new Seal(key, "/topic/users").open(sealed)).to.equal(undefined);
  });

  it("stays closed for another purpose", () => {
    const sealed = new Seal(key, "/topic/users").close(Buffer.from("hello"));
    expect(new Seal(key, "/topic/registry").open(sealed)).to.equal(undefined);
  });

  it("is broken by any change of any byte", () => {
    const opener = new Seal(key, "/topic/users");
    const sealed = new Seal(key, "/topic/users").close(Buffer.from("hello"));
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i]! ^= 1;
      expect(opener.open(changed), `byte ${i}`).to.equal(undefined);
    }
    expect(opener.open(sealed)).to.not.equal(undefined);
  });

  it("is not mistaken in bytes that are too few, or of anybody", () => {
    const opener = new Seal(key, "/topic/users");
    const sealed = new Seal(key, "/topic/users").close(Buffer.from("hello"));
    for (let length = 0; length < sealed.length; length++) {
      expect(opener.open(sealed.subarray(0, length))).to.equal(undefined);
    }
    expect(opener.open(Buffer.alloc(1000))).to.equal(undefined);
  });
});

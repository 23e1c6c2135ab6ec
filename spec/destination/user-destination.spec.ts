import { expect } from "chai";
import fc from "fast-check";
import { parseUserDestination, userDestination } from "#lib/destination/user-destination.js";

const address = (name: string, destination = "/queue/x") => ({ name, destination });

describe("userDestination", () => {
  for (const [name, written] of [
    ["joe", "/user/joe/queue/x"],
    ["jo/e", "/user/jo%2Fe/queue/x"],
    ["100%", "/user/100%25/queue/x"],
    ["jo%2Fe", "/user/jo%252Fe/queue/x"],
    ["..", "/user/../queue/x"],
    [" a:b ", "/user/ a:b /queue/x"],
    ["*", "/user/*/queue/x"],
    ["👩‍🚀", "/user/👩‍🚀/queue/x"],
  ] as const) {
    it(`writes ${name} as ${written}, and reads it again`, () => {
      expect(userDestination("/user/", address(name))).to.equal(written);
      expect(parseUserDestination("/user/", written)).to.deep.equal(address(name));
    });
  }

  it("adds a leading slash that is missing", () => {
    expect(userDestination("/user/", address("joe", "queue/x"))).to.equal("/user/joe/queue/x");
  });

  it("says of any two names which is which", () => {
    const text = fc.string({ unit: fc.oneof(fc.constantFrom("/", "%", "2", "5", "F", "f"), fc.string()) });
    const name = text.filter((given) => given !== "");
    fc.assert(
      fc.property(name, name, text, (one, other, rest) => {
        const written = userDestination("/user/", address(one, `/${rest}x`));
        expect(parseUserDestination("/user/", written)).to.deep.equal(address(one, `/${rest}x`));
        expect(written === userDestination("/user/", address(other, `/${rest}x`))).to.equal(one === other);
      }),
    );
  });
});

describe("parseUserDestination", () => {
  it("reads the escapes in small letters too, and no others", () => {
    expect(parseUserDestination("/user/", "/user/a%2fb%41/q")).to.deep.equal(address("a/b%41", "/q"));
  });

  for (const text of [
    "/user/",
    "/user/joe",
    "/user/joe/",
    "/user//queue/x",
    "/users/joe/queue/x",
    "",
    "/user",
  ]) {
    it(`finds nobody in "${text}"`, () => {
      expect(parseUserDestination("/user/", text)).to.equal(undefined);
    });
  }
});

import { expect } from "chai";
import { decodeAll, only, refusal } from "../support/decoding.js";
import { wire } from "../support/wire.js";

const send = (...lines: (string | Uint8Array)[]) =>
  Buffer.concat([wire`SEND${"\n"}`, ...lines.map((line) => wire`${line}${"\n"}`), wire`${"\n"}hello^@`]);

describe("headers on the wire", () => {
  it("keep their blanks", () => {
    expect(only(send(" a : b ")).headers).to.deep.equal([[" a ", " b "]]);
  });

  it("may have colons in their values", () => {
    expect(only(send("origin:http://a:80/")).headers).to.deep.equal([["origin", "http://a:80/"]]);
  });

  it("may have empty values", () => {
    expect(only(send("a:", "b::")).headers).to.deep.equal([
      ["a", ""],
      ["b", ":"],
    ]);
  });

  it("keep repeated ones in order, of which the first counts", () => {
    const { headers } = only(send("destination:/mine", "id:1", "destination:/yours"));
    expect(headers).to.deep.equal([
      ["destination", "/mine"],
      ["id", "1"],
      ["destination", "/yours"],
    ]);
  });

  it("may be called __proto__", () => {
    const { headers } = only(send("__proto__:x", "constructor:y"));
    expect(headers).to.deep.equal([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(({} as Record<string, unknown>).x).to.equal(undefined);
  });

  it("are unescaped in name and value", () => {
    expect(only(send("a\\cb\\nc:d\\\\e\\rf")).headers).to.deep.equal([["a:b\nc", "d\\e\rf"]]);
  });

  it("are UTF-8 in name and value, and may begin with a byte order mark", () => {
    expect(only(send("이름:김😀", "\ufeffx:\ufeffy")).headers).to.deep.equal([
      ["이름", "김😀"],
      ["\ufeffx", "\ufeffy"],
    ]);
  });

  it("are refused without colon, by name", () => {
    expect(refusal(send("a:b", "oops", "c:d")).message).to.equal("Header line without colon: oops");
  });

  it("are refused without name", () => {
    expect(refusal(send(":x")).message).to.equal("Header line without name: :x");
  });

  for (const escaped of ["\\t", "x\\", "\\R"]) {
    it(`are refused with the escape ${escaped}`, () => {
      expect(refusal(send(`colour:${escaped}`)).message).to.match(/colour/);
      expect(refusal(send(`colour${escaped}:x`)).message).to.match(/colour/);
    });
  }

  it("are refused with \\r in 1.1, which does not have it", () => {
    expect(refusal(send("a:x\\ry"), { version: "1.1" }).message).to.match(/STOMP 1\.1/);
  });

  it("are refused with a NUL", () => {
    expect(refusal(send("a:b\0c")).message).to.match(/NUL before the blank line/);
  });

  const NO_UTF8: [what: string, octets: number[]][] = [
    ["a lone continuation", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["half a character", [0xe2, 0x82]],
    ["a number beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ];
  for (const [what, octets] of NO_UTF8) {
    it(`are refused with ${what}, which is no UTF-8`, () => {
      expect(refusal(send(wire`a:${Uint8Array.from(octets)}`)).message).to.equal(
        "Text before the body is not UTF-8",
      );
      expect(refusal(send(wire`${Uint8Array.from(octets)}:a`)).message).to.equal(
        "Text before the body is not UTF-8",
      );
    });
  }
});

describe("content-length", () => {
  it("counts octets, not characters", () => {
    expect(only(wire`SEND${"\n"}content-length:6${"\n\n"}김김^@`).body).to.have.length(6);
  });

  it("lets a body have NULs", () => {
    expect(only(wire`SEND${"\n"}content-length:5${"\n\n"}a^@b^@c^@`).body).to.equal("a\0b\0c");
  });

  it("lets a body have every octet", () => {
    const all = Uint8Array.from({ length: 256 }, (_, octet) => octet);
    const { body } = only(wire`SEND${"\n"}content-length:256${"\n\n"}${all}^@`);
    expect(Buffer.from(body, "latin1")).to.deep.equal(Buffer.from(all));
  });

  it("may be 0", () => {
    expect(only(wire`SEND${"\n"}content-length:0${"\n\n"}^@`).body).to.equal("");
    expect(only(wire`SUBSCRIBE${"\n"}content-length:0${"\n\n"}^@`).body).to.equal("");
  });

  it("may be repeated if it is the same", () => {
    expect(only(send("content-length:5", "content-length:5")).body).to.equal("hello");
  });

  it("is refused if it is repeated and differs", () => {
    expect(refusal(send("content-length:5", "content-length:3")).message).to.match(
      /repeated and differs: 5, 3/,
    );
    expect(refusal(send("content-length:3", "content-length:5")).message).to.match(
      /repeated and differs: 3, 5/,
    );
  });

  for (const value of [
    "-1",
    "+5",
    "5.0",
    "0x5",
    "5e0",
    "",
    " 5",
    "5 ",
    "five",
    "NaN",
    "Infinity",
    "٥",
    "5,5",
  ]) {
    it(`is refused as "${value}"`, () => {
      expect(refusal(send(`content-length:${value}`)).message).to.equal(
        `content-length is no number of octets: "${value}"`,
      );
    });
  }

  it("is refused when it overflows", () => {
    for (const value of ["4294967301", "18446744073709551621", "9".repeat(400)]) {
      expect(refusal(send(`content-length:${value}`)).message).to.match(/messageSizeLimit/);
    }
  });

  it("is refused if the body is longer", () => {
    expect(refusal(send("content-length:4")).message).to.equal("No NUL after 4 octets of content-length");
  });

  it("is refused if the body is shorter and another frame follows", () => {
    const { message } = refusal(wire`SEND${"\n"}content-length:7${"\n\n"}hello^@SEND${"\n\n"}^@`);
    expect(message).to.equal("No NUL after 7 octets of content-length");
  });
});

describe("a body", () => {
  for (const command of [
    "CONNECT",
    "STOMP",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "ACK",
    "NACK",
    "BEGIN",
    "COMMIT",
    "ABORT",
  ]) {
    it(`is refused on ${command}`, () => {
      expect(refusal(wire`${command}${"\n\n"}x^@`).message).to.equal(`${command} carries no body`);
      expect(refusal(wire`${command}${"\n"}content-length:1${"\n\n"}`).message).to.equal(
        `${command} carries no body`,
      );
    });
  }

  it("is refused on what servers send, but for MESSAGE and ERROR", () => {
    for (const command of ["CONNECTED", "RECEIPT"]) {
      const { error } = decodeAll([wire`${command}${"\n\n"}x^@`], { accepts: "server" });
      expect(error?.message).to.equal(`${command} carries no body`);
    }
    expect(only(wire`MESSAGE${"\n\n"}x^@`, { accepts: "server" }).body).to.equal("x");
    expect(only(wire`ERROR${"\n\n"}x^@`, { accepts: "server" }).body).to.equal("x");
  });
});

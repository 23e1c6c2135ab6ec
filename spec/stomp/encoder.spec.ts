import { expect } from "chai";
import { StompConversionError } from "#lib/errors.js";
import { NativeHeaders } from "#lib/message/native-headers.js";
import type { StompCommand } from "#lib/stomp/command.js";
import { encode, HEART_BEAT } from "#lib/stomp/encoder.js";
import type { StompVersion } from "#lib/stomp/version.js";
import { wire, wireText } from "../support/wire.js";

function encoded(
  command: StompCommand,
  headers: [name: string, value: string][] = [],
  { body = "", version = "1.2" }: { body?: string | Uint8Array; version?: StompVersion } = {},
): string {
  const frame = { command, headers: NativeHeaders.of(headers), body: Buffer.from(body) };
  return wireText(encode(frame, version));
}

describe("encode", () => {
  it("writes command, headers, body and NUL", () => {
    expect(encoded("MESSAGE", [["destination", "/a"]], { body: "hello" })).to.equal(
      wireText(wire`
        MESSAGE
        destination:/a
        content-length:5

        hello^@
      `),
    );
  });

  it("writes every octet of a body, NUL included", () => {
    const body = Uint8Array.from({ length: 256 }, (_, octet) => octet);
    const bytes = encode({ command: "SEND", headers: NativeHeaders.EMPTY, body }, "1.2");
    expect([...bytes.subarray(-257)]).to.deep.equal([...body, 0]);
  });

  describe("when content-length is concerned", () => {
    for (const command of ["SEND", "MESSAGE", "ERROR"] as const) {
      it(`writes it on ${command}, in octets, an empty body's too`, () => {
        expect(encoded(command, [], { body: "김" })).to.equal(`${command}\ncontent-length:3\n\n김^@`);
        expect(encoded(command)).to.equal(`${command}\ncontent-length:0\n\n^@`);
      });
    }

    it("replaces what is given, however often", () => {
      const given: [string, string][] = [
        ["content-length", "1"],
        ["a", "b"],
        ["content-length", "999"],
      ];
      expect(encoded("SEND", given, { body: "hello" })).to.equal("SEND\na:b\ncontent-length:5\n\nhello^@");
    });

    for (const command of ["CONNECTED", "RECEIPT", "SUBSCRIBE", "ACK", "DISCONNECT"] as const) {
      it(`writes none on ${command}, even if it is given`, () => {
        expect(encoded(command, [["content-length", "0"]])).to.equal(`${command}\n\n^@`);
      });
    }
  });

  describe("when text needs escapes", () => {
    const headers: [string, string][] = [["a:b", "c\\d\ne\rf:g"]];

    it("writes those of 1.2", () => {
      expect(encoded("RECEIPT", headers)).to.equal("RECEIPT\na\\cb:c\\\\d\\ne\\rf\\cg\n\n^@");
    });

    it("writes those of 1.1, and a blank for CR", () => {
      expect(encoded("RECEIPT", headers, { version: "1.1" })).to.equal(
        "RECEIPT\na\\cb:c\\\\d\\ne f\\cg\n\n^@",
      );
    });

    it("writes none in 1.0, but blanks for what would break the frame", () => {
      expect(encoded("RECEIPT", headers, { version: "1.0" })).to.equal("RECEIPT\na b:c\\d e f:g\n\n^@");
    });

    it("never writes a NUL of a name or value", () => {
      for (const version of ["1.0", "1.1", "1.2"] as const) {
        expect(encoded("RECEIPT", [["a\0b", "c\0d"]], { version })).to.equal("RECEIPT\na b:c d\n\n^@");
      }
    });
  });

  describe("when the command has no escapes", () => {
    for (const command of ["CONNECT", "STOMP", "CONNECTED"] as const) {
      it(`writes ${command} verbatim`, () => {
        expect(encoded(command, [["passcode", "a\\b:c"]])).to.equal(`${command}\npasscode:a\\b:c\n\n^@`);
      });

      for (const [what, broken] of [
        ["CR", "\r"],
        ["LF", "\n"],
        ["NUL", "\0"],
      ] as const) {
        it(`refuses ${what} in a name or value of ${command}, and names the header`, () => {
          expect(() => encoded(command, [["login", `a${broken}b`]])).to.throw(StompConversionError, /login/);
          expect(() => encoded(command, [[`login${broken}`, "a"]])).to.throw(StompConversionError, /login/);
        });
      }

      it(`refuses a colon in a name of ${command}`, () => {
        expect(() => encoded(command, [["a:b", "c"]])).to.throw(StompConversionError, /a:b/);
      });
    }
  });

  it("leaves out a header without a name", () => {
    expect(encoded("RECEIPT", [["", "a"]])).to.equal("RECEIPT\n\n^@");
  });

  it("refuses a body where none may be", () => {
    expect(() => encoded("RECEIPT", [], { body: "x" })).to.throw(
      StompConversionError,
      "RECEIPT carries no body",
    );
  });
});

describe("HEART_BEAT", () => {
  it("is one LF", () => {
    expect([...HEART_BEAT]).to.deep.equal([10]);
  });
});

import { expect } from "chai";
import { DECODER_LIMITS, type DecoderLimits } from "#lib/stomp/decoder-limits.js";
import { readSimpleHead } from "#lib/stomp/simple-head.js";
import type { StompVersion } from "#lib/stomp/version.js";
import { wire } from "../support/wire.js";

interface Reading {
  readonly version?: StompVersion;
  readonly limits?: Partial<DecoderLimits>;
}

function read(bytes: Buffer, { version = "1.2", limits }: Reading = {}) {
  const head = readSimpleHead(bytes, 0, {
    accepts: "client",
    version,
    limits: { ...DECODER_LIMITS, ...limits },
  });
  return head && { command: head.rule.command, headers: [...head.headers], end: head.end };
}

const SEND = wire`SEND${"\n"}destination:/a:b${"\n"}receipt:1${"\n\n"}body^@`;

describe("readSimpleHead", () => {
  it("reads command, headers and where the body begins", () => {
    const headers = [
      ["destination", "/a:b"],
      ["receipt", "1"],
    ];
    expect(read(SEND)).to.deep.equal({ command: "SEND", headers, end: SEND.indexOf("body") });
  });

  it("reads from anywhere in the bytes", () => {
    const before = wire`some other frame^@`;
    const bytes = Buffer.concat([before, SEND]);
    const reading = { accepts: "client", version: "1.2", limits: DECODER_LIMITS } as const;
    expect([...(readSimpleHead(bytes, before.length, reading)?.headers ?? [])]).to.deep.equal(
      read(SEND)?.headers,
    );
  });

  it("reads a backslash where it is no escape", () => {
    const bytes = wire`CONNECT${"\n"}passcode:a\n${"\n\n"}^@`;
    expect(read(bytes)?.headers).to.deep.equal([["passcode", "a\\n"]]);
    expect(read(wire`SEND${"\n"}a:\n${"\n\n"}^@`, { version: "1.0" })?.headers).to.deep.equal([["a", "\\n"]]);
  });

  describe("leaves to the decoder", () => {
    const others: [what: string, bytes: Buffer, reading?: Reading][] = [
      ["a head that is not whole", SEND.subarray(0, 20)],
      ["a head without its blank line", wire`SEND${"\n"}a:b${"\n"}`],
      ["CRLF", wire`SEND${"\r\n"}a:b${"\r\n\r\n"}^@`],
      ["text that is not ASCII", wire`SEND${"\n"}a:ä${"\n\n"}^@`],
      ["an escape", wire`SEND${"\n"}a:\c${"\n\n"}^@`],
      ["a NUL", wire`SEND${"\n"}a:b^@`],
      ["a line without colon", wire`SEND${"\n"}ab${"\n\n"}^@`],
      ["a line without name", wire`SEND${"\n"}:b${"\n\n"}^@`],
      ["a command with a colon", wire`SEND:${"\n"}a:b${"\n\n"}^@`],
      ["an unknown command", wire`SENT${"\n"}a:b${"\n\n"}^@`],
      ["a command of the other side", wire`MESSAGE${"\n"}a:b${"\n\n"}^@`],
      ["a command that is too long", SEND, { limits: { commandLimit: 3 } }],
      ["a line that is too long", SEND, { limits: { headerLineLimit: 10 } }],
      ["too many headers", SEND, { limits: { headerCountLimit: 1 } }],
      ["too many bytes of headers", SEND, { limits: { headerBytesLimit: 30 } }],
      ["a frame that is too long", SEND, { limits: { messageSizeLimit: 30 } }],
    ];
    for (const [what, bytes, reading] of others) {
      it(what, () => {
        expect(read(bytes, reading)).to.equal(undefined);
      });
    }
  });
});

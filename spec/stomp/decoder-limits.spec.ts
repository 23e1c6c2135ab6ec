import { expect } from "chai";
import { LimitExceededError } from "#lib/errors.js";
import { StompDecoder } from "#lib/stomp/decoder.js";
import type { DecoderLimits } from "#lib/stomp/decoder-limits.js";
import type { Frame } from "#lib/stomp/frame.js";
import { decodeAll, drip, HELLO, only, refusal } from "../support/decoding.js";
import { wire } from "../support/wire.js";

const lines = (count: number, line: string) => `${line}\n`.repeat(count);

describe("DecoderLimits", () => {
  const CASES: {
    limit: keyof DecoderLimits;
    by: string;
    value: number;
    within: Buffer;
    past: Buffer;
  }[] = [
    {
      limit: "messageSizeLimit",
      by: "the whole frame",
      value: 25,
      within: wire`SEND${"\n"}a:b${"\n\n"}12345678901234^@`,
      past: wire`SEND${"\n"}a:b${"\n\n"}123456789012345^@`,
    },
    {
      limit: "messageSizeLimit",
      by: "the whole frame of a told length",
      value: 35,
      within: wire`SEND${"\n"}content-length:10${"\n\n"}1234567890^@`,
      past: wire`SEND${"\n"}content-length:11${"\n\n"}12345678901^@`,
    },
    {
      limit: "messageSizeLimit",
      by: "the headers alone",
      value: 25,
      within: wire`SEND${"\n"}a:234567890123456${"\n\n"}^@`,
      past: wire`SEND${"\n"}a:2345678901234567${"\n\n"}^@`,
    },
    {
      limit: "commandLimit",
      by: "the command",
      value: 4,
      within: wire`SEND^M${"\n\n"}^@`,
      past: wire`ABORT${"\n\n"}^@`,
    },
    {
      limit: "headerCountLimit",
      by: "header lines",
      value: 3,
      within: wire`SEND${"\n"}${lines(3, "a:b\r")}${"\r\n"}^@`,
      past: wire`SEND${"\n"}${lines(4, "a:b\r")}${"\r\n"}^@`,
    },
    {
      limit: "headerLineLimit",
      by: "one header line",
      value: 10,
      within: wire`SEND${"\n"}a:b${"\n"}a:34567890${"\r\n\r\n"}^@`,
      past: wire`SEND${"\n"}a:b${"\n"}a:345678901${"\r\n\r\n"}^@`,
    },
    {
      limit: "headerBytesLimit",
      by: "the head",
      value: 21,
      within: wire`SEND${"\n"}${lines(3, "a:b")}a:${"\n\n"}^@`,
      past: wire`SEND${"\n"}${lines(3, "a:b")}a:b${"\n\n"}^@`,
    },
  ];
  for (const { limit, by, value, within, past } of CASES) {
    it(`holds ${limit} against ${by}, to the octet`, () => {
      const room = { messageSizeLimit: 1_000 };
      expect(decodeAll([within], { ...room, [limit]: value }).error).to.equal(undefined);
      expect(decodeAll(drip(within), { ...room, [limit]: value }).error).to.equal(undefined);
      for (const chunks of [[past], drip(past)]) {
        const { frames, error } = decodeAll(chunks, { ...room, [limit]: value });
        expect(frames).to.deep.equal([]);
        expect(error?.message).to.equal(`Frame passes ${limit}: ${value}`);
        expect(error).to.be.instanceOf(LimitExceededError);
        expect(error).to.include({ code: "LIMIT_EXCEEDED", limit });
      }
    });
  }

  it("refuses a told length before the body has come", () => {
    expect(refusal(wire`SEND${"\n"}content-length:65536${"\n\n"}`).message).to.equal(
      "Frame passes messageSizeLimit: 65536",
    );
  });

  it("refuses an endless line, whether or not its end ever comes", () => {
    expect(refusal(Buffer.alloc(33, "A")).message).to.match(/commandLimit: 32/);
    expect(refusal(wire`SEND${"\n"}${"a".repeat(8_193)}`).message).to.match(/headerLineLimit: 8192/);
  });

  it("refuses endless headers, endless repeated ones, and an endless body", () => {
    expect(refusal(wire`SEND${"\n"}${lines(101, "a:1")}`).message).to.match(/headerCountLimit: 100/);
    expect(refusal(wire`SEND${"\n"}${lines(20, `a:${"x".repeat(1_000)}`)}`).message).to.match(
      /headerBytesLimit: 16384/,
    );
    expect(refusal(wire`SEND${"\n\n"}${"x".repeat(65_536)}`).message).to.match(/messageSizeLimit: 65536/);
  });

  it("has room for what is usual", () => {
    const token = `authorization:Bearer ${"x".repeat(8_000)}`;
    const { headers, body } = only(
      wire`SEND${"\n"}${token}${"\n"}${lines(99, "a:b")}${"\n"}${"x".repeat(50_000)}^@`,
    );
    expect(headers).to.have.length(100);
    expect(body).to.have.length(50_000);
  });

  it("can be widened within a chunk, from the next frame on", () => {
    const decoder = new StompDecoder({ messageSizeLimit: 40, headerCountLimit: 1 });
    const big = wire`SEND${"\n"}${lines(50, "a:b")}${"\n"}^@`;
    const frames: Frame[] = [];
    decoder.decode(Buffer.concat([HELLO, big]), (frame) => {
      frames.push(frame);
      decoder.limits = { messageSizeLimit: 1_000, headerCountLimit: 50 };
    });
    expect(frames).to.have.length(2);
  });

  it("changes only what is named", () => {
    const decoder = new StompDecoder({ messageSizeLimit: 40, headerCountLimit: 1 });
    decoder.limits = { headerCountLimit: 7 };
    expect(decoder.limits).to.deep.equal({
      messageSizeLimit: 40,
      commandLimit: 32,
      headerCountLimit: 7,
      headerLineLimit: 8_192,
      headerBytesLimit: 16_384,
    });
  });
});

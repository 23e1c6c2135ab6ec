import { expect } from "chai";
import fc from "fast-check";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { COMMANDS, type StompCommand } from "#lib/stomp/command.js";
import { encode } from "#lib/stomp/encoder.js";
import type { Frame } from "#lib/stomp/frame.js";
import { type StompVersion, SUPPORTED_VERSIONS } from "#lib/stomp/version.js";
import { decodeAll, drip, isRefusal, only, type PlainFrame, plain } from "../support/decoding.js";
import { wire, wireText } from "../support/wire.js";

interface Case {
  readonly what: string;
  readonly command: StompCommand;
  readonly headers?: [name: string, value: string][];
  readonly body?: string;
  /** As our encoder writes it. */
  readonly bytes: Buffer;
  /** Default: 1.2. */
  readonly version?: StompVersion;
}

const CASES: Case[] = [
  {
    what: "CONNECT",
    command: "CONNECT",
    headers: [
      ["accept-version", "1.1,1.2"],
      ["host", "example.org"],
      ["passcode", "a\\b:c"],
    ],
    bytes: wire`
      CONNECT
      accept-version:1.1,1.2
      host:example.org
      passcode:a\b:c

      ^@
    `,
  },
  {
    what: "CONNECTED",
    command: "CONNECTED",
    headers: [
      ["version", "1.2"],
      ["heart-beat", "10000,10000"],
    ],
    bytes: wire`
      CONNECTED
      version:1.2
      heart-beat:10000,10000

      ^@
    `,
  },
  {
    what: "SUBSCRIBE",
    command: "SUBSCRIBE",
    headers: [
      ["id", "sub-0"],
      ["destination", "/sub/chat/room/1"],
    ],
    bytes: wire`
      SUBSCRIBE
      id:sub-0
      destination:/sub/chat/room/1

      ^@
    `,
  },
  { what: "a frame without headers", command: "DISCONNECT", bytes: wire`DISCONNECT${"\n\n"}^@` },
  {
    what: "SEND with an empty body",
    command: "SEND",
    headers: [
      ["destination", "/a"],
      ["content-length", "0"],
    ],
    bytes: wire`
      SEND
      destination:/a
      content-length:0

      ^@
    `,
  },
  {
    what: "a body with NULs and EOLs",
    command: "SEND",
    headers: [["content-length", "7"]],
    body: "\0\n\r\n\0a\0",
    bytes: wire`
      SEND
      content-length:7

      ^@
      ^M
      ^@a^@^@
    `,
  },
  {
    what: "MESSAGE with every escape of 1.2",
    command: "MESSAGE",
    headers: [
      ["a:b", "\\n\n\r:"],
      ["content-length", "1"],
    ],
    body: "x",
    bytes: wire`
      MESSAGE
      a\cb:\\n\n\r\c
      content-length:1

      x^@
    `,
  },
  {
    what: "RECEIPT with every escape of 1.1",
    command: "RECEIPT",
    headers: [["receipt-id", "\\r\n:"]],
    version: "1.1",
    bytes: wire`
      RECEIPT
      receipt-id:\\r\n\c

      ^@
    `,
  },
  {
    what: "a header of 1.0 with what would be escapes",
    command: "ACK",
    headers: [["message-id", "\\n:\\c\\"]],
    version: "1.0",
    bytes: wire`
      ACK
      message-id:\n:\c\

      ^@
    `,
  },
  {
    what: "repeated headers, blanks and empty values",
    command: "BEGIN",
    headers: [
      [" a ", " b "],
      [" a ", ""],
    ],
    bytes: wire`
      BEGIN
       a : b ${""}
       a :

      ^@
    `,
  },
  {
    what: "characters of every length",
    command: "ERROR",
    headers: [
      ["é김", "😀\u{7ff}\uffff"],
      ["content-length", "1"],
    ],
    body: "\xff",
    bytes: wire`
      ERROR
      é김:😀${"\u{7ff}\uffff"}
      content-length:1

      ${Uint8Array.of(0xff)}^@
    `,
  },
];

const accepts = (command: StompCommand) => COMMANDS.get(command)!.from;

const frameOf = (each: PlainFrame): Frame => ({
  command: each.command as StompCommand,
  headers: NativeHeaders.of(each.headers),
  body: Buffer.from(each.body, "latin1"),
});

describe("the codec", () => {
  for (const { what, command, headers = [], body = "", bytes, version = "1.2" } of CASES) {
    const frame: PlainFrame = { command, headers, body };
    const options = { version, accepts: accepts(command) };

    describe(`with ${what}`, () => {
      it("decodes it", () => {
        expect(only(bytes, options)).to.deep.equal(frame);
      });

      it("encodes it", () => {
        expect(wireText(encode(frameOf(frame), version))).to.equal(wireText(bytes));
        expect(encode(frameOf(frame), version).equals(bytes)).to.equal(true);
      });

      it("decodes what it encodes", () => {
        expect(only(encode(frameOf(frame), version), options)).to.deep.equal(frame);
      });

      it("decodes it cut at every octet, and octet by octet", () => {
        for (let cut = 0; cut <= bytes.length; cut++) {
          const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)];
          expect(decodeAll(chunks, options), `cut at ${cut}`).to.deep.equal({
            frames: [frame],
            error: undefined,
          });
        }
        expect(decodeAll(drip(bytes), options).frames).to.deep.equal([frame]);
      });
    });
  }
});

/** Text in which what the codec looks for is frequent. Lone surrogates are no text: UTF-8 cannot say them. */
const text = fc.string({
  unit: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom("\\", "n", "r", "c", ":", "\n", "\r", " ", "\0", "\ufeff", "김", "😀"),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  ),
  maxLength: 30,
});

/** What of a text a version can say. */
const sayable: Record<StompVersion, RegExp> = {
  "1.0": /[\0\n\r]/g,
  "1.1": /[\0\r]/g,
  "1.2": /\0/g,
};

const headersOf = (version: StompVersion) => {
  const say = (each: string) => each.replace(sayable[version], "");
  const name = text
    .map((each) => (version === "1.0" ? say(each).replaceAll(":", "") : say(each)))
    .filter((each) => each !== "" && each !== "content-length");
  return fc.array(fc.tuple(name, text.map(say)), { maxLength: 8 });
};

const escapedCommands = [...COMMANDS.values()].filter((rule) => rule.escaped).map((rule) => rule.command);

const framesOf = (version: StompVersion): fc.Arbitrary<Frame> =>
  fc
    .record({
      command: fc.constantFrom(...escapedCommands),
      headers: headersOf(version).map((pairs) => NativeHeaders.of(pairs)),
      body: fc.uint8Array({ maxLength: 300 }),
    })
    .map((frame) => (COMMANDS.get(frame.command)!.body ? frame : { ...frame, body: new Uint8Array(0) }));

/** Without the one header that the encoder adds. */
const told = (frame: PlainFrame): PlainFrame => ({
  ...frame,
  headers: frame.headers.filter(([name]) => name !== "content-length"),
});

/** Cuts bytes at these shares of their length. */
function slices(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe("the codec, of any frame", () => {
  for (const version of SUPPORTED_VERSIONS) {
    it(`decodes what it encodes in ${version}`, () => {
      fc.assert(
        fc.property(framesOf(version), (frame) => {
          const decoded = only(encode(frame, version), { version, accepts: accepts(frame.command) });
          expect(told(decoded)).to.deep.equal(plain(frame));
        }),
        { numRuns: 500 },
      );
    });

    it(`writes one whole frame in ${version}, whatever its headers say`, () => {
      const anyHeaders = fc.array(fc.tuple(fc.oneof(text, fc.string({ unit: "binary" })), text), {
        maxLength: 8,
      });
      fc.assert(
        fc.property(fc.constantFrom(...escapedCommands), anyHeaders, (command, pairs) => {
          const frame = { command, headers: NativeHeaders.of(pairs), body: new Uint8Array(0) };
          const named = pairs.filter(([name]) => name !== "" && name !== "content-length");
          const decoded = only(encode(frame, version), { version, accepts: accepts(command) });
          expect(told(decoded).headers).to.have.length(named.length);
        }),
        { numRuns: 500 },
      );
    });
  }

  it("decodes the same frames from any slices", () => {
    const eols = fc.constantFrom("", "\n", "\r\n", "\n\n\r\n");
    const stream = fc.array(fc.tuple(framesOf("1.2"), eols), { maxLength: 5 });
    fc.assert(
      fc.property(stream, cuts, (parts, where) => {
        const sides = parts.filter(([frame]) => accepts(frame.command) === "client");
        const bytes = Buffer.concat(
          sides.flatMap(([frame, eol]) => [encode(frame, "1.2"), Buffer.from(eol)]),
        );
        const { frames, error } = decodeAll(slices(bytes, where));
        expect(error).to.equal(undefined);
        expect(frames.map(told)).to.deep.equal(sides.map(([frame]) => plain(frame)));
      }),
      { numRuns: 500 },
    );
  });

  for (const letter of ["n", "r", "c", "\\"]) {
    it(`keeps a backslash before ${letter}`, () => {
      for (const version of SUPPORTED_VERSIONS) {
        const headers = NativeHeaders.of([["a", `\\${letter}`]]);
        const bytes = encode({ command: "SEND", headers, body: new Uint8Array(0) }, version);
        expect(only(bytes, { version }).headers[0]).to.deep.equal(["a", `\\${letter}`]);
      }
    });
  }
});

describe("the codec, of any bytes", () => {
  const valid = CASES.map(({ bytes }) => bytes);
  const octets = fc.uint8Array({ maxLength: 120 });
  const mutated = fc
    .tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 2 }))))
    .map(([bytes, changes]) => {
      const result = [...bytes];
      for (const [at, octet, kind] of changes) result.splice(at % result.length, kind, octet);
      return Uint8Array.from(result);
    });
  const tokens = fc
    .array(fc.constantFrom("SEND", "\n", "\r", "\0", ":", "\\", "a", "content-length:", "3", "\xff", "ACK"))
    .map((parts) => Buffer.from(parts.join(""), "latin1"));

  it("throws nothing but what it refuses, and the same in any slices", function () {
    this.timeout(120_000);
    const input = fc.record({
      bytes: fc.oneof(octets, mutated, tokens),
      version: fc.constantFrom(...SUPPORTED_VERSIONS),
      accepts: fc.constantFrom("client" as const, "server" as const),
    });
    let refused = 0;
    let taken = 0;
    fc.assert(
      fc.property(input, cuts, ({ bytes, ...options }, where) => {
        const whole = decodeAll([bytes], options);
        const sliced = decodeAll(slices(bytes, where), options);
        if (whole.error) expect(whole.error).to.satisfy(isRefusal);
        expect(sliced.error?.message).to.equal(whole.error?.message);
        expect(sliced.frames).to.deep.equal(whole.frames);
        refused += whole.error ? 1 : 0;
        taken += whole.frames.length;
      }),
      { numRuns: 20_000, seed: 20_240_229 },
    );
    expect(refused, "refused").to.be.above(1_000);
    expect(taken, "taken").to.be.above(100);
  });
});

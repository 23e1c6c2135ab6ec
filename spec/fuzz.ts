// `npm run fuzz -- [inputs] [seed]`: a million random, mutated and jumbled inputs for the decoder, whole and in
// slices. It must refuse them or take them, the same either way, and throw nothing else.
// `npm run fuzz -- live [inputs] [seed] [seconds]`: as many for a live server, by WebSocket and SockJS over HTTP,
// within 15 minutes; see `support/live-fuzz.ts`.
import "reflect-metadata";
import { isDeepStrictEqual } from "node:util";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { encode } from "#lib/stomp/encoder.js";
import { SUPPORTED_VERSIONS } from "#lib/stomp/version.js";
import { type DecodeOptions, decodeAll, isRefusal } from "./support/decoding.js";
import { Dice } from "./support/dice.js";
import { fuzzLive } from "./support/live-fuzz.js";

if (process.argv[2] === "live") {
  const [inputs = 1_000_000, seed = 20_240_229, seconds = 900] = process.argv.slice(3).map(Number);
  const begun = performance.now();
  const result = await fuzzLive({ inputs, seed, seconds });
  const took = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${result.inputs} inputs in ${result.conversations} conversations and ${took} s, ` +
      `${result.answered} bytes answered; seed ${seed}`,
  );
  for (const fault of result.faults) console.error(fault);
  process.exit(result.faults.length > 0 ? 1 : 0);
}

const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 20_240_229);

const TOKENS = [
  ...["SEND\n", "CONNECT\r\n", "SUBSCRIBE\n", "MESSAGE\n", "ACK\n", "\n", "\r", "\r\n", "\0", ":", "a:b\n"],
  ...[
    "content-length:",
    "content-length:3\n",
    "-1",
    "1e3",
    "99999999999999999999",
    "\\",
    "\\n",
    "\\c",
    "\\t",
  ],
  ...["destination:/a\n", "__proto__:x\n", "\ufeff", "김", "😀", "\xff", "x".repeat(200), "\n".repeat(50)],
].map((token) => Buffer.from(token));

const dice = new Dice(seed);

function noise(): Buffer {
  return Buffer.from(Array.from({ length: dice.roll(80) }, () => dice.roll(256)));
}

function jumble(): Buffer {
  return Buffer.concat(Array.from({ length: dice.roll(14) }, () => dice.of(TOKENS)));
}

function valid(): Buffer {
  const headers = Array.from({ length: dice.roll(5) }, () => [
    dice.of(["id", "destination", "receipt", "a:b", "\\n", "content-length", "é"]),
    dice.of(["", "1", "/topic/a", "a:b\nc\\d\re", "한글"]),
  ]) as [string, string][];
  const command = dice.of(["SEND", "MESSAGE", "ERROR", "SUBSCRIBE", "ACK", "RECEIPT"] as const);
  const body = ["SEND", "MESSAGE", "ERROR"].includes(command) ? noise() : Buffer.alloc(0);
  return encode({ command, headers: NativeHeaders.of(headers), body }, dice.of(SUPPORTED_VERSIONS));
}

function mutated(): Buffer {
  const bytes = [...Buffer.concat([valid(), valid()])];
  for (let changes = dice.roll(6); changes > 0; changes--) {
    bytes.splice(
      dice.roll(bytes.length),
      dice.roll(3),
      ...Array.from({ length: dice.roll(3) }, () => dice.roll(256)),
    );
  }
  return Buffer.from(bytes);
}

function slices(bytes: Buffer): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + dice.roll(dice.of([1, 4, 40]));
    result.push(bytes.subarray(at, end));
    at = end;
  }
  return result;
}

const counts = { inputs: 0, frames: 0, refused: 0 };
const started = performance.now();
for (; counts.inputs < inputs; counts.inputs++) {
  const bytes = dice.of([noise, jumble, valid, mutated, mutated])();
  const options: DecodeOptions = {
    version: dice.of(SUPPORTED_VERSIONS),
    accepts: dice.of(["client", "server"]),
    ...dice.of([{}, {}, { messageSizeLimit: 64 }, { headerLineLimit: 16, headerCountLimit: 2 }]),
  };
  const whole = decodeAll([bytes], options);
  const sliced = decodeAll(slices(bytes), options);

  const isFine = whole.error === undefined || isRefusal(whole.error);
  const isSame =
    whole.error?.message === sliced.error?.message && isDeepStrictEqual(whole.frames, sliced.frames);
  if (!isFine || !isSame) {
    console.error(`seed ${seed}, input ${counts.inputs}: ${bytes.toString("hex")}`, options, whole, sliced);
    process.exit(1);
  }
  counts.frames += whole.frames.length;
  counts.refused += whole.error ? 1 : 0;
}

const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${counts.inputs} inputs in ${seconds} s: ${counts.frames} frames, ${counts.refused} refused; seed ${seed}`,
);

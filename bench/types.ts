import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";

/** What the check of a contract may cost, in ms of CPU. */
const CHAT_LIMIT = 200;
const BIG_LIMIT = 2_000;
const BIG = 200;
/** The compiler's own code is as fast as it gets after some. */
const ROUNDS = 8;

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  skipLibCheck: true,
  noEmit: true,
  types: ["node"],
};

const IMPORTS = `
  import { Payload } from "express-stomp";
  import { destinations } from "express-stomp/contract";
  import { typedServer } from "express-stomp/contract/server";
  import { z } from "zod";
`;

/** A contract of so many destinations, and everything that can be done with each. */
function program(count: number): string {
  const each = (line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join("\n");
  return `${IMPORTS}
    const contract = destinations({
      ${each((i) => `"/app/room${i}/{id}": { send: z.object({ text${i}: z.string() }) },`)}
      ${each((i) => `"/topic/room${i}/{id}": { message: z.object({ said${i}: z.string(), at: z.coerce.date() }) },`)}
    });
    const { MessageMapping, SendTo, send } = typedServer(contract, { prefix: "/app" });
    export class Rooms {
      ${each(
        (i) => `
        @MessageMapping("/room${i}/{id}") @SendTo("/topic/room${i}/{id}")
        say${i}(@Payload() message: { text${i}: string }) {
          return { said${i}: message.text${i}, at: new Date() };
        }`,
      )}
    }
    export const sends = [
      ${each((i) => `() => send(null as never, "/topic/room${i}/{id}", { id: ${i} }, { said${i}: "x", at: "2026-01-01" }),`)}
    ];
  `;
}

/** What a program is made of, read once for all rounds. */
const read = new Map<string, ts.SourceFile | undefined>();

/** Ms of CPU that the check of a file takes, where the one before it was checked; and the faults that were found. */
function check(before: string, source: string): { readonly ms: number; readonly faults: readonly string[] } {
  // Where the chat's contract is, so that it finds what it imports.
  const files = new Map([
    [resolve("example/chat/types-before.ts"), before],
    [resolve("example/chat/types.ts"), source],
  ]);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
    if (!read.has(name)) read.set(name, getSourceFile(name, ...rest));
    return read.get(name);
  };
  const made = ts.createProgram([...files.keys()], options, host);
  const [first, file] = [...files.keys()].map((name) => made.getSourceFile(name));
  made.getSemanticDiagnostics(first);
  const began = process.cpuUsage();
  const found = made.getSemanticDiagnostics(file);
  const { user, system } = process.cpuUsage(began);
  const ms = (user + system) / 1000;
  return { ms, faults: found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ")) };
}

function measure(name: string, before: string, source: string, limit: number): void {
  const rounds = Array.from({ length: ROUNDS }, () => check(before, source));
  const faults = rounds[0]?.faults ?? [];
  if (faults.length > 0) throw new Error(`${name} does not compile: ${faults.slice(0, 3).join("; ")}`);
  // The least: what else the machine does only adds.
  const ms = Math.min(...rounds.map((round) => round.ms));
  console.log(`${name}: ${ms.toFixed(0)} ms, of ${limit} at most`);
  if (ms > limit) process.exitCode = 1;
}

const BEFORE = `${IMPORTS} void [Payload, destinations, typedServer, z.object({}).parse];`;
const BEFORE_CHAT = `
  import { destinations } from "express-stomp/contract";
  import { array, literal, number, object, optional, string, union, variant } from "valibot";
  void [destinations, array, literal, number, object({}), optional, string(), union, variant];
`;
measure(
  "the chat's contract",
  BEFORE_CHAT,
  readFileSync("example/chat/chat-contract.ts", "utf8"),
  CHAT_LIMIT,
);
measure(
  "as many destinations as the chat has, with all that is done with them",
  BEFORE,
  program(6),
  CHAT_LIMIT,
);
measure(`${BIG} destinations, with all that is done with them`, BEFORE, program(BIG / 2), BIG_LIMIT);
console.log(`TypeScript ${ts.version}`);

import { resolve } from "node:path";
import ts from "typescript";

/** What the check of a contract may cost, in ms of CPU. */
const CHAT_LIMIT = 200;
const BIG_LIMIT = 2_000;
const BIG = 200;
const ROUNDS = 5;

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

/** Ms of CPU that the check of a file takes, where what it imports was checked before; and the faults that were found. */
function check(source: string): { readonly ms: number; readonly faults: readonly string[] } {
  const files = new Map([
    [
      resolve("build/types-before.ts"),
      `${IMPORTS} void [Payload, destinations, typedServer, z.object({}).parse];`,
    ],
    [resolve("build/types.ts"), source],
  ]);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, ...rest)
      : ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
  };
  const made = ts.createProgram([...files.keys()], options, host);
  const [before, file] = [...files.keys()].map((name) => made.getSourceFile(name));
  made.getSemanticDiagnostics(before);
  const began = process.cpuUsage();
  const found = made.getSemanticDiagnostics(file);
  const { user, system } = process.cpuUsage(began);
  const ms = (user + system) / 1000;
  return { ms, faults: found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ")) };
}

function measure(name: string, source: string, limit: number): void {
  const rounds = Array.from({ length: ROUNDS }, () => check(source));
  const faults = rounds[0]?.faults ?? [];
  if (faults.length > 0) throw new Error(`${name} does not compile: ${faults.slice(0, 3).join("; ")}`);
  // The least: what else the machine does only adds.
  const ms = Math.min(...rounds.map((round) => round.ms));
  console.log(`${name}: ${ms.toFixed(0)} ms, of ${limit} at most`);
  if (ms > limit) process.exitCode = 1;
}

measure("as many destinations as the chat has", program(6), CHAT_LIMIT);
measure(`${BIG} destinations`, program(BIG / 2), BIG_LIMIT);
console.log(`TypeScript ${ts.version}`);

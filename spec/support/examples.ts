import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";

/** One `@example` of a docstring. */
export interface Example {
  /** The name that it stands above: `simpleBroker`, or `SimpMessagingTemplate.send`. */
  readonly name: string;
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

/** Examples take it for granted besides the exports of the library: the application around them. */
const APPLICATION = `
  import type { Server } from "node:http";
  import type { Express } from "express";
  import session, { MemoryStore } from "express-session";
  import { createRemoteJWKSet, jwtVerify } from "jose";
  declare const app: Express;
  declare const server: Server;
  declare const messaging: StompMessaging;
  declare const template: SimpMessagingTemplate;
  declare const userRegistry: SimpUserRegistry;
  declare const endpoints: EndpointOptions[];
  declare const message: Message;
  declare const Order: StandardSchema<{ item: string; count: number }>;
  declare const bytes: Uint8Array;
  declare const keys: ReturnType<typeof createRemoteJWKSet>;
  declare const sessionId: string;
  declare const room: string;
  declare const backplane: Backplane;
  declare const secret: string;
  declare const cause: Error;
  declare function keep(payload: Uint8Array): void;
  declare function readAllPricesAgain(): void;
  declare function removeRole(user: string, role: string): Promise<void>;
  declare function upload(file: File): Promise<void>;
  declare class File { readonly name: string; }
  declare class GreetingController {}
  declare class TokenInterceptor implements ChannelInterceptor { preSend(message: Message): Message; }
  declare class WebSocketConfig implements WebSocketMessageBrokerConfigurer {
    registerStompEndpoints(registry: StompEndpointRegistry): void;
  }
  class Tenant { constructor(readonly name: string | undefined) {} }
`;

/** What examples of a subpath package take for granted besides that package's exports. */
const WITH_PACKAGE = `
  import assert from "node:assert/strict";
  import { Client, type IMessage } from "@stomp/stompjs";
  import cluster from "node:cluster";
  import { createServer } from "node:http";
  import { availableParallelism } from "node:os";
  import { jetstream } from "@nats-io/jetstream";
  import { connect } from "@nats-io/transport-node";
  import { Redis } from "ioredis";
  import { createClient } from "redis";
  declare const brokerURL: string;
  declare const live: { place(destination: string, options: { onReload(): void }): {
    headers(): Record<string, string>; accept(message: IMessage): boolean } };
  declare const rxStomp: { watch(options: { destination: string; subHeaders: () => object }): Piped };
  declare interface Piped { pipe(operator: unknown): Piped; subscribe(take: (message: IMessage) => void): void; }
  declare function filter(accept: (message: IMessage) => boolean): unknown;
  declare function show(message: IMessage): void;
  declare function loadRoom(id: number): void;
  declare const app: Express;
  declare const messaging: StompMessaging;
  declare const stomp: import("express-stomp/testing").TestMessaging;
  declare class RoomController {}
  import { z } from "zod";
  declare const chat: import("express-stomp/contract").Contract<{
    "/app/room/{id}": { send: z.ZodObject<{ text: z.ZodString }> };
    "/topic/room/{id}": { message: z.ZodObject<{ text: z.ZodString }> } }>;
`;

/** Every `@example` below a folder, in the order of the files. */
export function examplesBelow(folder: string): Example[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => join(folder, name))
    .flatMap(examplesOf);
}

function examplesOf(file: string): Example[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(/\/\*\*(?:(?!\*\/).)*?@example(?:(?!\*\/).)*\*\/\n(?=( *)(.*))/gs)].map(
    (match) => {
      const [docstring, indent = ""] = match;
      const declared = source.slice(match.index + docstring.length);
      const fence = docstring.indexOf("```ts\n");
      const end = docstring.indexOf("```", fence + 3);
      if (fence < 0 || end < 0) throw new Error(`${file}: an @example is no \`\`\`ts block:\n${docstring}`);

      const code = docstring
        .slice(fence + 6, end)
        .replace(/^ *\* ?/gm, "")
        .trimEnd();
      const line = source.slice(0, match.index + fence).split("\n").length + 1;
      const owner = indent === "" ? "" : `${nameOf(lastExport(source.slice(0, match.index)))}.`;
      return { name: owner + nameOf(declared), file, line, code };
    },
  );
}

function nameOf(declared: string): string {
  const words =
    /^\s*(?:export |declare |abstract |readonly |async )*(?:class |interface |function |const |type )?(\w+)/;
  return words.exec(declared)?.[1] ?? "";
}

function lastExport(before: string): string {
  return before.slice(before.lastIndexOf("\nexport ") + 1);
}

/** Gives the compiler's messages about examples, as an application that depends on the library would see them. */
export function faultsOf(examples: readonly Example[]): string[] {
  const folder = resolve("build/examples");
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  const host = ts.createCompilerHost(options);
  const modules = new Map(
    examples.map((example, i) => [
      join(folder, `${i}.ts`),
      { example, text: moduleOf(beforeExample(example), example) },
    ]),
  );
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const module = modules.get(name);
    return module
      ? ts.createSourceFile(name, module.text, ts.ScriptTarget.ES2022)
      : getSourceFile(name, ...rest);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  return [...modules].flatMap(([name, { example }]) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      (diagnostic) => {
        const line = file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0;
        const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
        return `${example.file}:${example.line + line - 1} (${example.name}): ${text}`;
      },
    );
  });
}

/** The example on the lines after the first; in a block, so that its names may be those of the application. */
function moduleOf(before: string, { code }: Example): string {
  const isImport = (line: string) => line.startsWith("import ");
  const lines = code.split("\n");
  const imports = lines.filter(isImport).join(" ");
  return `${before} ${imports} {\n${lines.map((line) => (isImport(line) ? "" : line)).join("\n")}\n}\nexport {};\n`;
}

/** What stands before an example, on one line: the library's exports, or those of the package that it is of. */
function beforeExample({ file }: Example): string {
  const path = /^lib\/(.*)\/[^/]*$/.exec(file)?.[1] ?? "";
  const isPackage = path !== "" && existsSync(`lib/${path}/index.ts`);
  const library = importsOf(
    "lib/index.ts",
    "express-stomp",
    isPackage ? /^stompMessaging$|^stompBroker/ : /./,
  );
  if (!isPackage) return `${library}${APPLICATION.replaceAll("\n", " ")}`;
  const name = path.replace("contract-server", "contract/server");
  const names = importsOf(`lib/${path}/index.ts`, `express-stomp/${name}`, /./);
  const types =
    'import type { Express } from "express"; import type { StompMessaging } from "express-stomp";';
  return `${library} ${names} ${types} ${WITH_PACKAGE.replaceAll("\n", " ")}`;
}

function importsOf(file: string, name: string, wanted: RegExp): string {
  const names = exportedNames(file).filter((each) => wanted.test(each));
  return `import { ${names.join(", ")} } from "${name}";`;
}

function exportedNames(file: string): string[] {
  const index = readFileSync(file, "utf8");
  return [...index.matchAll(/^export (?:type )?\{(.*?)\} from/gms)].flatMap(([, names = ""]) =>
    names
      .split(",")
      .map((name) => name.replace("type ", "").trim())
      .filter((name) => name !== ""),
  );
}

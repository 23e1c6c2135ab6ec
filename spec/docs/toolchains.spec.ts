import { type ChildProcess, execFile, fork } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import ts from "typescript";
import { freePorts } from "../../example/shared/broker-process.js";
import { RawClient } from "../support/raw-client.js";
import { untilListening } from "../support/until-listening.js";

const run = promisify(execFile);
const FOLDER = "build/toolchains";

/** A controller as people write it, and what is around it. */
const IMPLICIT = `
  import "reflect-metadata";
  import express from "express";
  import { Controller, MessageMapping, Payload, SendTo, SimpMessagingTemplate, stompMessaging } from "express-stomp";

  @Controller()
  class GreetingController {
    constructor(private readonly template: SimpMessagingTemplate) {}

    @MessageMapping("/hello")
    @SendTo("/topic/greetings")
    greet(@Payload() message: { name: string }) {
      return { content: \`Hello, \${message.name}!\`, template: typeof this.template.convertAndSend };
    }
  }
${mounting("GreetingController")}`;

function mounting(controller: string): string {
  return `
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    applicationDestinationPrefixes: ["/app"],
    controllers: [${controller}],
  });
  app.use(messaging);
  messaging.attach(app.listen(Number(process.env.PORT)));`;
}

const decorated: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, experimentalDecorators: true };

function compiled(source: string, options: ts.CompilerOptions): string {
  return ts.transpileModule(source, { compilerOptions: { ...decorated, ...options } }).outputText;
}

/** The nth block of a language on the page. */
async function block(language: string, index = 0): Promise<string> {
  const page = await readFile("docs/toolchains.md", "utf8");
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))][index]?.[1] ?? "";
}

describe("docs/toolchains.md", function () {
  // Programs that start.
  this.timeout(60_000);
  let program: ChildProcess | undefined;

  async function greeting(file: string, source: string): Promise<unknown> {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(`${FOLDER}/${file}`, source);
    const [port] = (await freePorts(1)) as [number];
    program = fork(`${FOLDER}/${file}`, { env: { ...process.env, PORT: String(port) }, stdio: "inherit" });
    await untilListening(port, program);
    const client = await RawClient.connect(port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/greetings\n\n^@");
    client.send('SEND\ndestination:/app/hello\n\n{"name":"Rod"}^@');
    const frame = await client.frame();
    client.cut();
    return JSON.parse(frame.slice(frame.indexOf("\n\n") + 2, -2));
  }

  afterEach(() => void program?.kill());

  it("is right about ES modules with noted types", async () => {
    const source = compiled(IMPLICIT, { module: ts.ModuleKind.ESNext, emitDecoratorMetadata: true });
    expect(await greeting("noted.mjs", source)).to.include({ content: "Hello, Rod!", template: "function" });
  });

  it("is right about CommonJS", async () => {
    const module = ts.ModuleKind.CommonJS;
    const source = compiled(IMPLICIT, { module, emitDecoratorMetadata: true, esModuleInterop: true });
    expect(await greeting("noted.cjs", source)).to.include({ content: "Hello, Rod!", template: "function" });
  });

  it("is right about compilers that note no types: the start fails without explicit decorators", async () => {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(`${FOLDER}/implicit.mjs`, compiled(IMPLICIT, { module: ts.ModuleKind.ESNext }));
    const failed = await run(process.execPath, [`${FOLDER}/implicit.mjs`], {
      env: { ...process.env, PORT: "0" },
    }).then(
      () => "",
      (error: { stderr: string }) => error.stderr,
    );
    expect(failed).to.include("ConfigurationError").and.to.include("@inject(TheClass)");
  });

  it("is right about explicit decorators there", async () => {
    const explicit = (await block("ts")).replace(
      "import { Controller, ",
      'import express from "express";\nimport { stompMessaging, Controller, ',
    );
    const source = compiled(explicit + mounting("GreetingController"), { module: ts.ModuleKind.ESNext });
    expect(await greeting("explicit.mjs", source)).to.deep.equal({ content: "Hello, Rod!" });
  });

  it("is right about no decorators at all", async () => {
    expect(await greeting("functions.mjs", await block("js", 1))).to.deep.equal({ content: "Hello, Rod!" });
  });
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import ts from "typescript";
import { RawClient } from "./support/raw-client.js";
import { http } from "./support/sockjs-http.js";
import { installed } from "./support/stranger.js";

const PROGRAM = `
  import "reflect-metadata";
  import express from "express";
  import { Container, injectable, preDestroy } from "inversify";
  import {
    type ChannelInterceptor, Controller, type Message, MessageMapping, Payload, Scope, SendTo,
    SimpMessagingTemplate, stompMessaging, withHeaders,
  } from "express-stomp";

  @injectable()
  class Greeter {
    greet(name: string) {
      return \`Hello, \${name}!\`;
    }
  }

  @Controller()
  class GreetingController {
    constructor(private readonly greeter: Greeter, private readonly template: SimpMessagingTemplate) {}

    @MessageMapping("/hello")
    async greet(@Payload() message: { name: string }) {
      await this.template.convertAndSend("/topic/greetings", { content: this.greeter.greet(message.name) });
    }
  }

  @Controller()
  @Scope("websocket")
  class VisitController {
    count = 0;

    constructor(private readonly greeter: Greeter) {}

    @MessageMapping("/visit")
    @SendTo("/topic/visits")
    visit() {
      return { content: this.greeter.greet(String(++this.count)) };
    }

    @preDestroy()
    leave() {
      console.log("left after " + this.count);
    }
  }

  class LowerCase implements ChannelInterceptor {
    preSend(message: Message) {
      const { destination } = message.headers;
      return destination ? withHeaders(message, { destination: destination.toLowerCase() }) : message;
    }
  }

  const container = new Container({ defaultScope: "Singleton" });
  container.bind(Greeter).toSelf();
  const app = express();
  app.use((req, res, next) => {
    if (req.headers["x-password"] === "wrong") res.status(401).end();
    else next();
  });
  const common = {
    endpoints: [{ path: "/ws", sockJS: true }],
    applicationDestinationPrefixes: ["/app"],
    controllers: [GreetingController, VisitController],
    clientInboundChannel: { interceptors: [new LowerCase()] },
  };
  const messaging = stompMessaging(common);
  app.use("/realtime", messaging);
  app.use("/container", stompMessaging({ ...common, container }));
  const server = app.listen(0, "127.0.0.1", () => {
    messaging.attach(server);
    const address = server.address();
    console.log(typeof address === "object" && address ? address.port : "");
  });
`;

const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

const IMPORT = 'import("reflect-metadata").then(() => import("express-stomp"))';

const HANDSHAKE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "c3BlYyBzcGVjIHNwZWMgcw==",
  "sec-websocket-version": "13",
};

/** Express and inversify as an application has them. The newest of both are those that all other specs run with. */
const PAIRS: readonly (readonly string[])[] = [
  ["express@4.19.0", "inversify"],
  ["express", "inversify@7.0.0"],
];

for (const pair of PAIRS) {
  describe(`The package, beside ${pair.join(" and ")}`, function () {
    // npm installs.
    this.timeout(120_000);
    let folder: string;
    let program: ChildProcess;
    let lines: AsyncIterator<string>;
    let port: number;

    before(async () => {
      folder = await installed(...pair, "reflect-metadata");
      const { outputText } = ts.transpileModule(PROGRAM, {
        compilerOptions: OPTIONS,
        fileName: "server.mts",
      });
      await writeFile(join(folder, "server.mjs"), outputText);
      program = spawn(process.execPath, ["server.mjs"], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
      lines = createInterface({ input: program.stdout! })[Symbol.asyncIterator]();
      port = Number((await lines.next()).value);
    });

    after(async () => {
      program?.kill();
      await rm(folder, { recursive: true, force: true });
    });

    for (const mount of ["realtime", "container"]) {
      it(`greets by controllers with injected services, behind interceptors: ${mount}`, async () => {
        const client = await RawClient.connect(port, "", `/${mount}/ws`);
        client.send("SUBSCRIBE\nid:1\ndestination:/topic/**\n\n^@");
        client.send('SEND\ndestination:/APP/hello\n\n{"name":"Rod"}^@');
        expect(await client.frame()).to.include('{"content":"Hello, Rod!"}');
        client.send("SEND\ndestination:/app/visit\n\n^@SEND\ndestination:/app/visit\n\n^@");
        expect(await client.frame()).to.include('{"content":"Hello, 1!"}');
        expect(await client.frame()).to.include('{"content":"Hello, 2!"}');
        client.cut();
        expect(await lines.next()).to.include({ value: "left after 2" });
      });
    }

    it("lets the server's own pages connect, no others, and the application's middleware decide", async () => {
      const origin = `http://127.0.0.1:${port}`;
      const client = await RawClient.connect(port, "", "/realtime/ws", { headers: { origin } });
      client.cut();
      const handshake = async (headers: Record<string, string>) =>
        (await http(port, "/realtime/ws", { headers: { ...HANDSHAKE, ...headers } })).status;
      expect(await handshake({ origin: "http://127.0.0.1:1" })).to.equal(403);
      expect(await handshake({ origin, "x-password": "wrong" })).to.equal(401);
    });

    it("serves SockJS over HTTP", async () => {
      const opened = await http(port, "/realtime/ws/000/a/xhr", { method: "POST" });
      expect(opened.text).to.equal("o\n");
    });

    it("says which inversify it needs where an older one is installed", async () => {
      const own = join(folder, "node_modules/inversify");
      await rm(own, { recursive: true });
      await mkdir(own);
      await writeFile(join(own, "package.json"), '{ "name": "inversify", "main": "index.js" }');
      await writeFile(
        join(own, "index.js"),
        "exports.Container = class {}; exports.injectable = () => () => {};",
      );
      const { stderr } = spawnSync(process.execPath, ["--eval", IMPORT], { cwd: folder, encoding: "utf8" });
      expect(stderr).to.include("ConfigurationError: express-stomp needs inversify 7 or 8");
    });
  });
}

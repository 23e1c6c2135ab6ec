import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { installed } from "./support/stranger.js";

const run = promisify(execFile);

describe("The package, as a stranger installs it", function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = await installed(
      "express",
      "inversify",
      "reflect-metadata",
      "typescript",
      "@types/express",
      "@types/node",
    );
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const program = `
    const app = express();
    const messaging = stompMessaging({ endpoints: [{ path: "/ws", sockJS: true }] });
    app.use(messaging);
    const server = app.listen(0, "127.0.0.1", async () => {
      messaging.attach(server);
      const answer = await fetch("http://127.0.0.1:" + server.address().port + "/ws");
      console.log((await answer.text()).trim());
      await messaging.close();
      server.close();
      server.closeAllConnections();
    });`;

  it("serves from an ES module", async () => {
    const source = `import express from "express"; import { stompMessaging } from "express-stomp"; ${program}`;
    await writeFile(join(folder, "server.mjs"), source);

    expect((await run("node", ["server.mjs"], { cwd: folder })).stdout).to.equal("Welcome to SockJS!\n");
  });

  it("serves from a CommonJS module", async () => {
    const source = `const express = require("express"); const { stompMessaging } = require("express-stomp"); ${program}`;
    await writeFile(join(folder, "server.cjs"), source);

    expect((await run("node", ["server.cjs"], { cwd: folder })).stdout).to.equal("Welcome to SockJS!\n");
  });

  it("types a strict TypeScript program, library checks included", async () => {
    const source = `
      import "reflect-metadata";
      import express from "express";
      import { Controller, MessageMapping, Payload, Principal, SimpMessagingTemplate, simpleBroker, stompMessaging } from "express-stomp";

      @Controller()
      class ChatController {
        constructor(private readonly template: SimpMessagingTemplate) {}

        @MessageMapping("/message")
        async message(@Payload() message: { text: string }, @Principal() user: Principal): Promise<void> {
          await this.template.convertAndSend("/topic/chat", { text: message.text, from: user.name });
        }
      }

      const messaging = stompMessaging({
        endpoints: [{ path: "/ws" }],
        applicationDestinationPrefixes: ["/app"],
        broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
        controllers: [ChatController],
      });
      express().use(messaging);
      // @ts-expect-error there is no such option
      stompMessaging({ endpoint: "/ws" });
    `;
    const options = {
      module: "nodenext",
      target: "es2022",
      strict: true,
      exactOptionalPropertyTypes: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      noEmit: true,
      types: ["node"],
    };
    await writeFile(join(folder, "program.mts"), source);
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["program.mts"] }),
    );

    await run("npx", ["tsc", "-p", "."], { cwd: folder }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  });

  it("holds nothing but the library and its manual", async () => {
    const { stdout } = await run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"]);
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];

    const others = files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/|docs\/|lib\/.+\.ts$)/.test(path));
    expect(others.sort()).to.deep.equal(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });
});

import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import SockJS from "sockjs-client";
import WebSocket from "ws";
import { freePorts } from "../../example/shared/broker-process.js";
import { compiledBlocks } from "../support/blocks.js";
import { untilListening } from "../support/until-listening.js";

/** As far as it is used here: it has no types of its own. */
interface OldStomp {
  over(socket: object): OldClient;
  setInterval(interval: number, callback: () => void): NodeJS.Timeout;
  clearInterval(timer: NodeJS.Timeout): void;
}

interface OldClient {
  debug: unknown;
  connect(headers: object, connected: () => void): void;
  subscribe(destination: string, heard: (message: { body: string }) => void): void;
  send(destination: string, headers: object, body: string): void;
  disconnect(done: () => void): void;
}

const { Stomp } = createRequire(import.meta.url)("stompjs/lib/stomp.js") as { Stomp: OldStomp };

// In a browser it finds these on window.
Stomp.setInterval = (interval, callback) => setInterval(callback, interval);
Stomp.clearInterval = (timer) => clearInterval(timer);

/** Rows of a table of changed lines; either side may have none. */
const ROW = /^\| (?:(`+) ?(.*?) ?\1)? ?\| (?:(`+) ?(.*?) ?\3)? ?\|$/gm;

/** A program of Spring's on a page, what it becomes, and the lines that are said to change. */
interface Port {
  readonly java: readonly string[];
  readonly ours: readonly string[];
  readonly changes: readonly { readonly before: string | undefined; readonly after: string | undefined }[];
  readonly said: number;
}

function portsOf(page: string): Port[] {
  const text = readFileSync(page, "utf8");
  const found = text.matchAll(
    /^```java\n(.*?)^```$.*?^```ts\n(.*?)^```$.*?^([^\n]*\*\*[^\n]*)\n\n((?:\|[^\n]*\n)+)/gms,
  );
  return [...found].map(([, java = "", ours = "", claim = "", table = ""]) => ({
    java: linesOf(java),
    ours: linesOf(ours.replace(/^import .*?;$/gms, "")),
    changes: [...table.matchAll(ROW)].map(([, , before, , after]) => ({ before, after })),
    said: Number(/(\d+)/.exec(claim)?.[1]),
  }));
}

function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/ \/\/ .*/, "").trim());
  return lines.filter((line) => !["", "}", "@Override"].includes(line));
}

/** Java in the spelling of TypeScript: what a porter types without a thought. */
function spelled(line: string): string {
  return line
    .replace(/\b(?:public|private) /g, "")
    .replace(/^(@\w+)$/, "$1()")
    .replace("(value = ", "(")
    .replace(/^void (\w+)\((\w+) (\w+)\) \{$/, "$1($3: $2) {")
    .replace(/^String (\w+);$/, '$1 = "";');
}

/** Takes each of the lines out once; fails when one is not there. */
function without(lines: readonly string[], taken: readonly (string | undefined)[]): string[] {
  const rest = [...lines];
  for (const line of taken) {
    if (line === undefined) continue;
    const index = rest.indexOf(line);
    if (index === -1) throw new Error(`the program has no line ${line}`);
    rest.splice(index, 1);
  }
  return rest;
}

for (const page of ["docs/from-spring.md", "docs/ko/from-spring.md"]) {
  describe(`The programs of ${page}`, function () {
    // The first to ask compiles all examples; the guide's controller takes a second.
    this.timeout(120_000);
    let program: ChildProcess | undefined;

    async function start(index: number): Promise<number> {
      const { program: file } = await compiledBlocks();
      const [port] = (await freePorts(1)) as [number];
      program = fork(file(page, index), { env: { ...process.env, PORT: String(port) } });
      await untilListening(port, program);
      return port;
    }

    afterEach(() => void program?.kill());

    it("change in 12 lines each, which are listed, and in nothing else but spelling", () => {
      const ports = portsOf(page);
      expect(ports).to.have.length(2);
      for (const { java, ours, changes, said } of ports) {
        expect([changes.length, said]).to.deep.equal([12, 12]);
        const same = without(
          java,
          changes.map(({ before }) => before),
        ).map(spelled);
        expect(
          without(
            ours,
            changes.map(({ after }) => after),
          ),
        ).to.deep.equal(same);
      }
    });

    it("greet as the guide does", async () => {
      const port = await start(1);
      const brokerURL = `ws://127.0.0.1:${port}/gs-guide-websocket`;
      const client = new Client({ brokerURL });
      client.webSocketFactory = () => new WebSocket(brokerURL, ["v12.stomp"]);
      const greeting = new Promise<string>((resolve) => {
        client.onConnect = () => {
          client.subscribe("/topic/greetings", ({ body }) => resolve(body));
          client.publish({ destination: "/app/hello", body: JSON.stringify({ name: "Rod" }) });
        };
      });
      client.activate();

      expect(JSON.parse(await greeting)).to.deep.equal({ content: "Hello, Rod!" });
      await client.deactivate();
    });

    it("chat as the tutorial does, with its page's old client over SockJS", async () => {
      const port = await start(2);
      const client = Stomp.over(new SockJS(`http://127.0.0.1:${port}/stomp/chat`));
      client.debug = () => {};
      const said: object[] = [];
      const both = new Promise<void>((resolve) => {
        client.connect({}, () => {
          client.subscribe("/sub/chat/room/7", ({ body }) => {
            if (said.push(JSON.parse(body) as object) === 2) resolve();
          });
          client.send("/pub/chat/enter", {}, JSON.stringify({ roomId: "7", writer: "Rod" }));
          client.send("/pub/chat/message", {}, JSON.stringify({ roomId: "7", writer: "Rod", message: "Hi" }));
        });
      });
      await both;

      expect(said[0])
        .to.include({ roomId: "7", writer: "Rod" })
        .and.have.property("message")
        .that.matches(/^Rod/);
      expect(said[1]).to.deep.equal({ roomId: "7", writer: "Rod", message: "Hi" });
      client.disconnect(() => {});
    });
  });
}

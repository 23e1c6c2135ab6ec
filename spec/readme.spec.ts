import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { expect } from "chai";

const run = promisify(execFile);
const FOLDER = "build/readme";

describe("The README's first screen", function () {
  this.timeout(60_000);
  const children: ChildProcess[] = [];

  function start(program: string, args: string[] = []): ChildProcess {
    const child = fork(`${FOLDER}/${program}.js`, args, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
    children.push(child);
    return child;
  }

  before(async () => {
    const [server = "", client = ""] = [
      ...(await readFile("README.md", "utf8")).matchAll(/^```ts\n(.*?)^```/gms),
    ].map(([, code]) => code);
    await mkdir(FOLDER, { recursive: true });
    // Its port may be taken here; all else stays as it is printed.
    await writeFile(
      `${FOLDER}/server.ts`,
      server.replace(
        "app.listen(8080)",
        'app.listen(0, "127.0.0.1", function (this: import("node:http").Server) { process.send!(this.address()); })',
      ),
    );
    await writeFile(
      `${FOLDER}/client.ts`,
      `import { Client } from "@stomp/stompjs";\nimport WebSocket from "ws";\nObject.assign(globalThis, { WebSocket });\n${client.replace(
        '"ws://localhost:8080/ws"',
        "`ws://127.0.0.1:$" + "{process.argv[2]}/ws`",
      )}`,
    );
    const options = {
      target: "es2022",
      module: "nodenext",
      strict: true,
      skipLibCheck: true,
      types: ["node"],
    };
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
    await writeFile(
      `${FOLDER}/tsconfig.json`,
      JSON.stringify({ compilerOptions: { ...options, ...decorators } }),
    );
    await run("npx", ["tsc", "-p", FOLDER]).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  });

  after(() => {
    for (const child of children) child.kill();
  });

  it("greets Rod", async () => {
    const [{ port }] = (await once(start("server"), "message")) as [AddressInfo];
    const client = start("client", [String(port)]);

    const [line] = await once(client.stdout!, "data");

    expect(String(line)).to.equal("Hello, Rod!\n");
  });
});

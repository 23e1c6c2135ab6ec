import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { RawClient } from "../support/raw-client.js";

/** Node needs some twenty for itself, and more while it loads modules. */
const FILES = 256;

describe("A server without a file descriptor left (EMFILE)", function () {
  this.timeout(60_000);
  let server: ChildProcessByStdio<null, Readable, null>;
  let port: number;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    const script = fileURLToPath(new URL("../support/closing-server.js", import.meta.url));
    server = spawn("sh", ["-c", `ulimit -n ${FILES}; exec "$0" "$1"`, process.execPath, script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    port = Number((await lines.next()).value);
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
    server.kill("SIGKILL");
  });

  /** Connects one more; `false` when the server had no descriptor for it. */
  async function connects(): Promise<boolean> {
    try {
      clients.push(await RawClient.connect(port, "", "/ws", { handshakeTimeout: 2_000 }));
      return true;
    } catch {
      return false;
    }
  }

  async function echo(client: RawClient, text: string): Promise<string> {
    client.send(`SEND\ndestination:/app/echo\n\n${text}^@`);
    return client.frame();
  }

  it("serves those it has, and others again when some have gone", async () => {
    expect(await connects()).to.equal(true);
    const [first] = clients as [RawClient];
    first.send("SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n^@");

    while (await connects()) expect(clients).to.have.length.below(FILES);
    for (let i = 0; i < 20; i++) expect(await connects(), "one more").to.equal(false);
    expect(await echo(first, "still here")).to.include("still here");

    const leaving = clients.splice(1, 10);
    await Promise.all(
      leaving.map(async (client) => {
        client.send("DISCONNECT\nreceipt:bye\n\n^@");
        await once(client.webSocket, "close");
      }),
    );
    // Each may take one descriptor, and no more.
    for (let i = 0; i < 8; i++) expect(await connects(), "another").to.equal(true);
    const newest = clients.at(-1) as RawClient;
    newest.send("SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n^@");
    expect(await echo(newest, "new here")).to.include("new here");

    const exited = once(server, "exit");
    server.kill("SIGTERM");
    expect(await exited).to.deep.equal([0, null]);
  });
});

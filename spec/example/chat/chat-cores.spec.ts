import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { newFile } from "../../support/databases.js";
import { RawClient } from "../../support/raw-client.js";
import { bodyOf, send, subscribe, Visitor } from "./visitor.js";

const PROGRAM = fileURLToPath(new URL("../../../example/chat/cores.js", import.meta.url));

/** A primary and two workers, each a process that makes the whole chat. */
describe("the chat on all cores", function () {
  this.timeout(120_000);
  let primary: ChildProcess;
  let port: number;
  let workers: number[];
  let clients: RawClient[];

  beforeEach(async () => {
    clients = [];
    const env = { ...process.env, PORT: "0", HOST: "127.0.0.1", CORES: "2", DATABASE_URL: await newFile() };
    primary = fork(PROGRAM, { env, execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] });
    let output = "";
    for await (const chunk of primary.stdout!.iterator({ destroyOnReturn: false })) {
      output += chunk;
      port = Number(/http:\/\/localhost:(\d+)/.exec(output)?.[1]);
      if (port) break;
    }
    primary.stdout!.resume();
    workers = [...output.matchAll(/Worker (\d+) is open/g)].map(([, pid]) => Number(pid));
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    if (primary.exitCode !== null) return;
    primary.kill("SIGTERM");
    await once(primary, "exit");
  });

  it("has people of different workers in one room, logs them out on all, and goes on when one is killed", async () => {
    expect(workers).to.have.length(2);
    const mina = new Visitor(`http://127.0.0.1:${port}`);
    await mina.signUp("Mina");
    const room = `/sub/chat/room/${await mina.openRoom("Tea")}`;
    const headers = `heart-beat:0,0\n${await mina.connectHeaders()}`;
    const connect = () =>
      RawClient.connect(port, headers, "/stomp/chat", { headers: { cookie: mina.cookie() } });
    // The workers take connections in turn.
    for (let i = 0; i < 4; i++) clients.push(await connect());
    for (const client of clients) {
      client.send(subscribe(room));
      await client.synchronize();
    }

    for (const text of ["one", "two"]) {
      for (const client of clients)
        client.send(send("/pub/chat/message", { roomId: room.split("/").at(-1), message: text }));
    }
    for (const client of clients) {
      const heard: unknown[] = [];
      while (heard.length < 2 * clients.length) heard.push(bodyOf(await client.frame()));
      expect(heard.map((said) => (said as { message: string }).message).toSorted()).to.deep.equal([
        "one",
        "one",
        "one",
        "one",
        "two",
        "two",
        "two",
        "two",
      ]);
      expect(await client.synchronize()).to.deep.equal([]);
    }

    process.kill(workers[0]!, "SIGKILL");
    const left = new Set(clients);
    await new Promise<void>((resolve) => {
      for (const client of clients) {
        client.webSocket.once("close", () => {
          left.delete(client);
          if (left.size === 2) resolve();
        });
      }
    });
    clients = [...left];
    clients.push(await connect());
    await mina.logOut();
    for (const client of clients) expect(await client.frame()).to.include("message:You have logged out.\n");
  });
});

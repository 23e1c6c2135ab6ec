import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePorts } from "../../example/shared/broker-process.js";
import { killGroup, type SpawnedWithUs, spawnWithUs } from "../../example/shared/spawn-with-us.js";

/** A PostgreSQL of the specs' own, on loopback and in a folder that goes with it. */
export class Postgres {
  readonly #folder: string;
  readonly #process: SpawnedWithUs;
  readonly #port: number;
  #databases = 0;

  private constructor(folder: string, process: SpawnedWithUs, port: number) {
    this.#folder = folder;
    this.#process = process;
    this.#port = port;
  }

  /** @param programs the folder of initdb and postgres */
  static async start(programs: string): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), "chat-postgres-"));
    chmodSync(folder, 0o777);
    const data = join(folder, "data");
    const [port] = await freePorts(1);

    const initdb = asPostgres(
      join(programs, "initdb"),
      "-D",
      data,
      "-U",
      "chat",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "-N",
    );
    execFileSync(initdb[0]!, initdb.slice(1), { stdio: "ignore", cwd: folder });

    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "fsync=off",
      "max_connections=100",
    ];
    const options = settings.flatMap((setting) => ["-c", setting]);
    const server = asPostgres(join(programs, "postgres"), "-D", data, "-p", String(port), ...options);
    const child = spawnWithUs(server, { folder });

    const postgres = new Postgres(folder, child, port!);
    await ready(child);
    return postgres;
  }

  /** Makes an empty database, and gives its address. */
  async createDatabase(): Promise<string> {
    const name = `chat${++this.#databases}`;
    const client = new pg.Client({ connectionString: this.#url("postgres") });
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return this.#url(name);
  }

  /** Stops the server and removes its folder. Connections that are closing get a moment to do so. */
  async stop(): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const impatience = setTimeout(() => this.#process.kill("SIGINT"), 2000);
    await exit;
    clearTimeout(impatience);
    killGroup(this.#process);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(database: string): string {
    return `postgres://chat@127.0.0.1:${this.#port}/${database}`;
  }
}

/** PostgreSQL refuses to run as root. */
function asPostgres(...command: string[]): string[] {
  if (process.getuid?.() !== 0) return command;
  return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
}

/** Waits for the line of the log that says that connections are welcome. */
function ready(child: SpawnedWithUs): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("ready to accept connections")) resolve();
    });
    child.once("exit", () => reject(new Error(`PostgreSQL did not start: ${log}`)));
  });
}

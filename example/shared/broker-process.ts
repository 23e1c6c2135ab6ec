import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { killGroup, type SpawnedWithUs, spawnWithUs } from "./spawn-with-us.js";

/** How a broker shows that it is ready. */
export interface BrokerGreeting {
  readonly says: string;
  /** The beginning of the answer. */
  readonly hears: string;
}

/** A program that a broker consists of. */
export interface BrokerCommand {
  readonly command: readonly [program: string, ...args: string[]];
  readonly env?: Readonly<Record<string, string>>;
}

export interface BrokerProcessOptions {
  /** As people call it. */
  readonly name: string;
  /** Where it takes STOMP, or what it speaks. */
  readonly port: number;
  /** By default that of a broker that speaks STOMP. */
  readonly greeting?: BrokerGreeting;
  /** The files that it keeps, on this machine and of this run only. */
  readonly folder: string;
  /** The programs that have to run for it; the last one answers. */
  readonly commands: readonly BrokerCommand[];
}

/** A broker that one can talk to, with the login `guest` and the passcode `guest`. */
export interface RealBroker {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly login: string;
  readonly passcode: string;
}

/** A broker of one's own, on loopback, which one may kill. */
export class BrokerProcess implements RealBroker {
  readonly host = "127.0.0.1";
  readonly login = "guest";
  readonly passcode = "guest";
  readonly #options: BrokerProcessOptions;
  #children: SpawnedWithUs[] = [];
  #log = "";

  private constructor(options: BrokerProcessOptions) {
    this.#options = options;
  }

  /** Starts a broker, and gives it when it answers. It does not outlive this process, however that ends. */
  static async start(options: BrokerProcessOptions): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options);
    try {
      await broker.restart();
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  get name(): string {
    return this.#options.name;
  }

  get port(): number {
    return this.#options.port;
  }

  /** The process that answers: what it costs is read there. */
  get pid(): number {
    return this.#children.at(-1)!.pid!;
  }

  /** Ends it with SIGKILL: as if the machine had lost its power. */
  async kill(): Promise<void> {
    const children = this.#children.splice(0);
    const exits = children.filter(isAlive).map((child) => once(child, "exit"));
    children.forEach(killGroup);
    await Promise.all(exits);
  }

  /** Starts it again, on the same ports and with what it had stored. */
  async restart(): Promise<void> {
    this.#log = "";
    for (const { command, env } of this.#options.commands) {
      const child = spawnWithUs(command, { folder: this.#options.folder, env });
      for (const output of [child.stdout, child.stderr]) {
        output.setEncoding("utf8").on("data", (text: string) => {
          this.#log = `${this.#log}${text}`.slice(-10_000);
        });
      }
      child.on("error", (error) => {
        this.#log += error.message;
      });
      this.#children.push(child);
    }
    while (!(await answers(this.port, this.#options.greeting ?? CONNECT))) {
      if (!this.#children.every(isAlive)) throw new Error(`${this.name} did not start: ${this.#log}`);
      await wait(50);
    }
  }

  /** Ends it, and removes what it had stored. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#options.folder, { recursive: true, force: true });
  }
}

/** Makes a folder for what a broker stores. */
export function brokerFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `${name}-`));
}

/** Finds ports on loopback that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

const CONNECT: BrokerGreeting = {
  says: "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0",
  hears: "CONNECTED\n",
};

/** One try: a broker takes connections some time before it takes logins. */
function answers(port: number, { says, hears }: BrokerGreeting): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(2000, () => done(false));
    socket.on("error", () => done(false)).on("close", () => done(false));
    socket.on("connect", () => socket.write(says));
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
      if (answer.length >= hears.length) done(answer.startsWith(hears));
    });
  });
}

function isAlive(child: SpawnedWithUs): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

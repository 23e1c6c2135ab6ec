import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A server in a process of its own, without a handler for what nobody catches there. */
export class ForkedServer {
  readonly port: number;
  protected readonly child: ChildProcess;
  #complaints = "";
  #hasExited = false;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;

  protected constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#complaints += chunk.toString();
    });
    this.exited = once(child, "exit").then(() => {
      this.#hasExited = true;
    });
  }

  /** Runs a program of this folder, which tells its port when it can be reached. */
  static async start(program: string, ...args: readonly string[]): Promise<ForkedServer> {
    return new ForkedServer(...(await ForkedServer.run(program, args)));
  }

  protected static async run(program: string, args: readonly string[]): Promise<[ChildProcess, number]> {
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = fork(path, args, { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const [port] = (await once(child, "message")) as [number];
    return [child, port];
  }

  /** What it has written to its standard error. */
  get complaints(): string {
    return this.#complaints;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Runs a task while the process stands still: what comes meanwhile comes to it at once. */
  async whileStopped(task: () => Promise<void>): Promise<void> {
    this.child.kill("SIGSTOP");
    try {
      await task();
    } finally {
      this.child.kill("SIGCONT");
    }
  }

  /** Tells the process something, which it answers. */
  async tell(message: string): Promise<void> {
    const answer = once(this.child, "message");
    this.child.send(message);
    await answer;
  }

  async kill(): Promise<void> {
    if (this.#hasExited) return;

    this.child.kill("SIGKILL");
    await this.exited;
  }
}

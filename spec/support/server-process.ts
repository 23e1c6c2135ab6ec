import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { StompBrokerRelayOptions } from "express-stomp";
import { RawClient } from "./raw-client.js";

/** A server in a process of its own, which specs may kill. It believes everybody's name. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts it; gives it when its broker is available. */
  static async start(relay: StompBrokerRelayOptions): Promise<ServerProcess> {
    const program = fileURLToPath(new URL("server-program.js", import.meta.url));
    const child = fork(program, [JSON.stringify(relay)], { execArgv: [] });
    const [port] = (await once(child, "message")) as [number];
    return new ServerProcess(child, port);
  }

  connect(name: string): Promise<RawClient> {
    return RawClient.connect(this.port, "", "/ws", { headers: { "x-user": name } });
  }

  /** Waits until the server says that these are connected, here or elsewhere, and nobody else. */
  async untilUsers(names: readonly string[]): Promise<void> {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${this.port}/users`);
      const users = (await response.json()) as string[];
      if (users.toSorted().join() === names.join()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async kill(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

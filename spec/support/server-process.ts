import type { StompBrokerRelayOptions } from "express-stomp";
import { ForkedServer } from "./forked-server.js";
import { RawClient } from "./raw-client.js";

/** A server behind a relay, in a process of its own. It believes everybody's name. */
export class ServerProcess extends ForkedServer {
  /** Starts it; gives it when its broker is available. */
  static async behind(relay: StompBrokerRelayOptions): Promise<ServerProcess> {
    return new ServerProcess(...(await ForkedServer.run("server-program.js", [JSON.stringify(relay)])));
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
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { closeServer, listen } from "../shared/http-server.js";
import { Balancer } from "./balancer.js";

export interface PortfolioServersOptions {
  readonly count: number;
  /** `stomp://login:passcode@host:port`, or `redis://host:port` */
  readonly brokerUrl: string;
  /** All of them have it. */
  readonly databaseUrl: string;
  /** Where the balancer listens; 0 is any. */
  readonly port: number;
  readonly host?: string;
}

export interface PortfolioServers {
  /** The balancer's. */
  readonly port: number;
  /** The servers, by their names. */
  readonly processes: ReadonlyMap<string, ChildProcess>;
  close(): Promise<void>;
}

/** Starts servers of the portfolio, each a process of its own, and a balancer in front of them. */
export async function startPortfolioServers(options: PortfolioServersOptions): Promise<PortfolioServers> {
  const { count, brokerUrl, databaseUrl, port, host } = options;
  if (!Number.isSafeInteger(count) || count < 1)
    throw new Error(`SERVERS is a whole number from 1, not ${count}`);
  const balancer = new Balancer();
  const processes = new Map<string, ChildProcess>();
  // One after the other: the first makes the tables.
  for (let i = 1; i <= count; i++) {
    const name = `server ${i}`;
    const child = fork(join(import.meta.dirname, "server.js"), {
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        BROKER_URL: brokerUrl,
        DATABASE_URL: databaseUrl,
        SERVER_NAME: name,
      },
    });
    processes.set(name, child);
    const serverPort = await portOf(child, name);
    balancer.add(serverPort);
    child.once("exit", () => {
      balancer.remove(serverPort);
      processes.delete(name);
    });
  }

  return {
    port: await listen(balancer.server, port, host),
    processes,
    async close() {
      const children = [...processes.values()];
      await Promise.all(
        children.map((child) => {
          child.kill("SIGTERM");
          return once(child, "exit");
        }),
      );
      await closeServer(balancer.server);
    },
  };
}

async function portOf(child: ChildProcess, name: string): Promise<number> {
  const ended = once(child, "exit").then(() => {
    throw new Error(`${name} did not start`);
  });
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  return port;
}

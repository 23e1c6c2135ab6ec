import { BrokerProcess, brokerFolder, freePorts } from "./broker-process.js";

export interface RedisOptions {
  /** As `redis.conf` would have them, besides its defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts a Redis of one's own, on a free port of loopback. It writes down what it is told as it comes, so that it is
 * there again when it has been killed.
 *
 * @param program `redis-server`, or `valkey-server`
 */
export async function startRedis(
  program: string,
  { settings = {} }: RedisOptions = {},
): Promise<BrokerProcess> {
  const folder = brokerFolder("redis");
  const [port] = (await freePorts(1)) as [number];
  const all = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "yes",
    ...settings,
  };
  return BrokerProcess.start({
    name: "Redis",
    port,
    folder,
    greeting: { says: "PING\r\n", hears: "+PONG" },
    commands: [
      { command: [program, ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])] },
    ],
  });
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrokerProcess, brokerFolder, freePorts } from "../../example/shared/broker-process.js";

export interface NatsSettings {
  readonly jetStream?: boolean;
  /** As its configuration has them; none: anybody may do anything. */
  readonly users?: readonly object[];
}

/** Starts a NATS with JetStream, on a free port of loopback, that takes messages of 8 MiB. */
export async function startNats(
  program: string,
  { jetStream = true, users = [] }: NatsSettings = {},
): Promise<BrokerProcess> {
  const folder = brokerFolder("nats");
  const [port] = (await freePorts(1)) as [number];
  const configuration = [
    `listen: "127.0.0.1:${port}"`,
    "max_payload: 8388608",
    ...(jetStream ? [`jetstream { store_dir: ${JSON.stringify(folder)} }`] : []),
    ...(users.length > 0 ? [`authorization: ${JSON.stringify({ users })}`] : []),
  ];
  writeFileSync(join(folder, "nats.conf"), configuration.join("\n"));
  return BrokerProcess.start({
    name: "NATS",
    port,
    folder,
    greeting: { says: "", hears: "INFO " },
    commands: [{ command: [program, "-c", join(folder, "nats.conf")] }],
  });
}

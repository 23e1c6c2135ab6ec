import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { BrokerProcess, brokerFolder, freePorts } from "./broker-process.js";

const START_MS = 30_000;

/** A RabbitMQ, and where browsers would reach it without us. */
export interface RabbitMq {
  readonly broker: BrokerProcess;
  /** Its Web-STOMP, at `/ws`; only when asked for. */
  readonly webStompPort: number | undefined;
}

/** A policy for queues, by their names. */
export interface RabbitMqPolicy {
  readonly name: string;
  readonly pattern: string;
  readonly definition: Readonly<Record<string, string | number>>;
}

/**
 * Starts a RabbitMQ of one's own, on free ports of loopback.
 *
 * @param program `rabbitmq-server` itself: Debian's wrapper around it changes the user and the folder
 */
export async function startRabbitMq(
  program: string,
  { webStomp = false, policies = [] }: { webStomp?: boolean; policies?: readonly RabbitMqPolicy[] } = {},
): Promise<RabbitMq> {
  const folder = brokerFolder("rabbitmq");
  const [port, distribution, epmd, web] = (await freePorts(4)) as [number, number, number, number];
  const settings = [
    "listeners.tcp = none",
    `stomp.listeners.tcp.1 = 127.0.0.1:${port}`,
    "log.console = true",
    "log.console.level = warning",
    "log.file = false",
    ...(policies.length > 0 ? [`load_definitions = ${join(folder, "definitions.json")}`] : []),
    ...(webStomp ? ["web_stomp.tcp.ip = 127.0.0.1", `web_stomp.tcp.port = ${web}`] : []),
  ];
  const plugins = ["rabbitmq_stomp", ...(webStomp ? ["rabbitmq_web_stomp"] : [])];
  mkdirSync(join(folder, "home"));
  writeFileSync(join(folder, "rabbitmq.conf"), settings.join("\n"));
  writeFileSync(join(folder, "definitions.json"), JSON.stringify(definitions(policies)));
  writeFileSync(join(folder, "plugins"), `[${plugins.join(",")}].`);

  const cookie = randomBytes(16).toString("hex");
  writeFileSync(join(folder, "home", ".erlang.cookie"), cookie, { mode: 0o400 });
  const env = {
    HOME: join(folder, "home"),
    RABBITMQ_NODENAME: `own${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} -setcookie ${cookie}`,
  };
  const broker = await BrokerProcess.start({
    name: "RabbitMQ",
    port,
    folder,
    // Erlang's own name service; RabbitMQ would start one that outlives it.
    commands: [
      { command: ["epmd", "-port", String(epmd), "-address", "127.0.0.1"], env },
      { command: [program], env },
    ],
  });
  if (webStomp) await untilListens(web);
  return { broker, webStompPort: webStomp ? web : undefined };
}

/** With definitions of one's own RabbitMQ makes no guest by itself. */
function definitions(policies: readonly RabbitMqPolicy[]) {
  const salt = randomBytes(4);
  const hash = createHash("sha256")
    .update(Buffer.concat([salt, Buffer.from("guest")]))
    .digest();
  return {
    vhosts: [{ name: "/" }],
    users: [
      {
        name: "guest",
        password_hash: Buffer.concat([salt, hash]).toString("base64"),
        hashing_algorithm: "rabbit_password_hashing_sha256",
        tags: "administrator",
      },
    ],
    permissions: [{ user: "guest", vhost: "/", configure: ".*", write: ".*", read: ".*" }],
    policies: policies.map((policy) => ({ vhost: "/", "apply-to": "queues", priority: 0, ...policy })),
  };
}

/** Web-STOMP comes up after STOMP itself. */
async function untilListens(port: number): Promise<void> {
  for (const start = Date.now(); Date.now() - start < START_MS; await wait(50)) {
    const answers = await fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    );
    if (answers) return;
  }
  throw new Error("RabbitMQ's Web-STOMP did not start.");
}

// Debian's RabbitMQ with Web-STOMP, a node of its own in a folder of its own, on the loopback interface only.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const INSTALLED = "/usr/lib/rabbitmq/lib";
const START_MS = 60_000;

export async function missing(): Promise<string | undefined> {
  return (await program()) === undefined ? `RabbitMQ is not installed in ${INSTALLED}` : undefined;
}

/** Starts it in our process group, and with it the port mapper of Erlang that it needs. */
export async function rabbitMq(): Promise<number> {
  const [port, amqp, stomp, distribution, mapper] = await freePorts(5);
  const folder = mkdtempSync(join(tmpdir(), "bench-rabbitmq-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const path = (name: string) => join(folder, name);
  const cookie = randomBytes(16).toString("hex");
  for (const name of ["mnesia", "log", "home"]) mkdirSync(path(name));
  writeFileSync(path("home/.erlang.cookie"), cookie, { mode: 0o600 });
  writeFileSync(path("plugins"), "[rabbitmq_stomp,rabbitmq_web_stomp].");
  writeFileSync(
    path("rabbitmq.conf"),
    [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      `stomp.listeners.tcp.1 = 127.0.0.1:${stomp}`,
      "web_stomp.tcp.ip = 127.0.0.1",
      `web_stomp.tcp.port = ${port}`,
      "web_stomp.tcp.backlog = 4096",
      "log.console = true",
      "log.console.level = error\n",
    ].join("\n"),
  );
  const environment = {
    ...process.env,
    HOME: path("home"),
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `bench${amqp}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(amqp),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: path("mnesia"),
    RABBITMQ_LOG_BASE: path("log"),
    RABBITMQ_CONFIG_FILE: path("rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: path("plugins"),
    RABBITMQ_PID_FILE: path("pid"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} -setcookie ${cookie}`,
  };
  const options = { env: environment, stdio: "ignore" } as const;
  spawn("epmd", ["-port", String(mapper), "-address", "127.0.0.1"], options);
  spawn((await program()) as string, options);
  await listens(port as number);
  return port as number;
}

async function program(): Promise<string | undefined> {
  const names = await readdir(INSTALLED).catch(() => []);
  const version = names.find((name) => name.startsWith("rabbitmq_server-"));
  return version && join(INSTALLED, version, "sbin/rabbitmq-server");
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

async function listens(port: number): Promise<void> {
  for (const start = Date.now(); Date.now() - start < START_MS; await delay(200)) {
    const socket = connect(port, "127.0.0.1");
    const [listening] = await Promise.race([
      once(socket, "connect").then(() => [true]),
      once(socket, "close").then(() => [false]),
    ]).catch(() => [false]);
    socket.destroy();
    if (listening) return;
  }
  throw new Error("RabbitMQ did not start");
}

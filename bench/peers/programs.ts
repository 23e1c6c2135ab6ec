// Peers that are programs of their own, on loopback, with what they keep in the folder for temporary files.
import { execFile } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { BrokerProcess, brokerFolder, freePorts } from "../../example/shared/broker-process.js";
import { firstRunnable, onPath } from "../../example/shared/programs.js";
import type { Started } from "../peers.js";
import { DEFLATE, MAX_PAYLOAD } from "./listen.js";

const run = promisify(execFile);
const BUILD = resolve("build/peers");

const CENTRIFUGO = "github.com/centrifugal/centrifugo/v6@v6.9.1";
const SPRING = resolve("bench/peers/spring");
/** As its pom.xml names it. */
const SPRING_JAR = join(BUILD, "spring/spring.jar");
const SPRING_SOURCES = ["pom.xml", "src/main/java/bench/SpringPeer.java"];

interface Program {
  readonly name: string;
  /** Gives the command; the folder is the program's own. */
  command(port: number, folder: string): readonly [string, ...string[]];
}

async function start({ name, command }: Program): Promise<Started> {
  const folder = brokerFolder(name.toLowerCase());
  const [port] = (await freePorts(1)) as [number];
  const broker = await BrokerProcess.start({
    name,
    port,
    folder,
    greeting: { says: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", hears: "HTTP/1.1 " },
    commands: [{ command: command(port, folder) }],
  });
  return { port, group: broker.pid, stop: () => broker.stop() };
}

/** Finds NATS: `NATS_SERVER`, or on the path. */
function findNats(): string | undefined {
  return firstRunnable([process.env.NATS_SERVER, ...onPath("nats-server")]);
}

export function missingNats(): string | undefined {
  return findNats() === undefined ? "nats-server is not installed" : undefined;
}

/** NATS where it takes WebSockets. */
export function nats(): Promise<Started> {
  return start({
    name: "NATS",
    command(port, folder) {
      const settings = [
        `listen: "127.0.0.1:-1"`,
        `websocket { listen: "127.0.0.1:${port}", no_tls: true }`,
        `max_payload: ${MAX_PAYLOAD}`,
      ];
      writeFileSync(join(folder, "nats.conf"), settings.join("\n"));
      return [findNats() as string, "-c", join(folder, "nats.conf")];
    },
  });
}

/** Finds Centrifugo: `CENTRIFUGO`, on the path, or what was installed here. */
function findCentrifugo(): string | undefined {
  return firstRunnable([process.env.CENTRIFUGO, ...onPath("centrifugo"), join(BUILD, "centrifugo")]);
}

/** Installs it by Go, unless it is there, which takes some minutes. Says why not, if so. */
export async function missingCentrifugo(): Promise<string | undefined> {
  if (findCentrifugo() !== undefined) return undefined;

  console.log(`go install ${CENTRIFUGO}, which takes some minutes`);
  return failureOf("go", ["install", CENTRIFUGO], { GOBIN: BUILD });
}

/** Centrifugo with its channels open to everybody; compressed alike for those who ask for it. */
export function centrifugo(): Promise<Started> {
  return start({
    name: "Centrifugo",
    command(port, folder) {
      const settings = {
        http_server: { address: "127.0.0.1", port: String(port) },
        client: { insecure: true },
        log: { level: "error" },
        websocket: {
          message_size_limit: MAX_PAYLOAD,
          compression: true,
          compression_min_size: DEFLATE.threshold,
          compression_level: DEFLATE.zlibDeflateOptions?.level,
        },
      };
      writeFileSync(join(folder, "config.json"), JSON.stringify(settings));
      return [findCentrifugo() as string, "-c", join(folder, "config.json")];
    },
  });
}

/** Builds it by Maven, unless it is as new as what it is made of. Says why not, if so. */
export async function missingSpring(): Promise<string | undefined> {
  if (firstRunnable(onPath("java")) === undefined) return "java is not installed";
  if (isBuilt()) return undefined;

  console.log(`mvn package in ${SPRING}, which takes a minute`);
  return failureOf("mvn", ["-q", "-B", "-f", join(SPRING, "pom.xml"), "package"]);
}

/** Spring Boot with the simple broker. */
export function spring(): Promise<Started> {
  return start({
    name: "Spring",
    command: (port) => [
      firstRunnable(onPath("java")) as string,
      "-jar",
      SPRING_JAR,
      "--server.address=127.0.0.1",
      `--server.port=${port}`,
    ],
  });
}

function isBuilt(): boolean {
  if (!existsSync(SPRING_JAR)) return false;

  const built = statSync(SPRING_JAR).mtimeMs;
  return SPRING_SOURCES.every((file) => statSync(join(SPRING, file)).mtimeMs < built);
}

async function failureOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  if (firstRunnable(onPath(program)) === undefined) return `${program} is not installed`;
  try {
    await run(program, args, { env: { ...process.env, ...env } });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

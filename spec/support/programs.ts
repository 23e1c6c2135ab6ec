import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Context } from "mocha";

/** Finds the browser that specs drive: `CHROMIUM_PATH`, or Chromium or Chrome on this machine. */
export function findChromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  return firstRunnable([
    process.env.CHROMIUM_PATH,
    ...names.flatMap(onPath),
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ]);
}

/** Finds the folder with PostgreSQL's server programs: `POSTGRES_BIN`, Debian's newest, or on the path. */
export function findPostgres(): string | undefined {
  const debian = foldersIn("/usr/lib/postgresql").map(
    (version) => `/usr/lib/postgresql/${version}/bin/initdb`,
  );
  const own = process.env.POSTGRES_BIN && join(process.env.POSTGRES_BIN, "initdb");
  return firstRunnable([own, ...debian, ...onPath("initdb")])?.replace(/.initdb$/, "");
}

/** Finds RabbitMQ's own start script: `RABBITMQ_SERVER`, or that of Debian's package, the newest. */
export function findRabbitMq(): string | undefined {
  const folder = "/usr/lib/rabbitmq/lib";
  const debian = foldersIn(folder).map((name) => join(folder, name, "sbin/rabbitmq-server"));
  return firstRunnable([process.env.RABBITMQ_SERVER, ...debian]);
}

/** Finds `activemq.jar`: below `ACTIVEMQ_HOME`, or of Debian's package. */
export function findActiveMq(): string | undefined {
  const homes = [process.env.ACTIVEMQ_HOME, "/usr/share/activemq"];
  if (!firstRunnable(onPath("java"))) return undefined;
  return homes.map((home) => home && join(home, "bin/activemq.jar")).find((jar) => jar && existsSync(jar));
}

/** Skips a spec whose program is missing, saying so; where `CI` is set nothing is skipped, and it fails. */
export function missing(context: Context, program: string): never {
  const reason = `${program} is missing: npm test installs it where apt-get may`;
  if (process.env.CI) throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  return context.skip();
}

function firstRunnable(files: readonly (string | undefined)[]): string | undefined {
  return files.find((file) => file && isRunnable(file));
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name: string): string[] {
  return (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
}

/** The newest version first. */
function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  } catch {
    return [];
  }
}

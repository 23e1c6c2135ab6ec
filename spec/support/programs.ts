import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "mocha";
import { firstRunnable, foldersIn, onPath } from "../../example/shared/programs.js";

/** The program, and Debian's package of it. */
export const HEADLESS_SHELL = "chromium-headless-shell";

/**
 * Finds the browser that specs drive: `CHROMIUM_PATH`, or Chromium or Chrome on
 * this machine. The shell without a window comes first, since it loads a page
 * for a third of the CPU.
 */
export function findChromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  return firstRunnable([
    process.env.CHROMIUM_PATH,
    ...onPath(HEADLESS_SHELL),
    ...names.flatMap(onPath),
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ]);
}

/** Whether the browser that specs drive is the one that costs little. */
export function hasLightChromium(): boolean {
  return firstRunnable([process.env.CHROMIUM_PATH, ...onPath(HEADLESS_SHELL)]) !== undefined;
}

/** Finds Firefox as it is installed: `FIREFOX_PATH`, Debian's, or another on the path. */
export function findFirefox(): string | undefined {
  return firstRunnable([process.env.FIREFOX_PATH, ...["firefox-esr", "firefox"].flatMap(onPath)]);
}

/** Finds the folder with PostgreSQL's server programs: `POSTGRES_BIN`, Debian's newest, or on the path. */
export function findPostgres(): string | undefined {
  const debian = foldersIn("/usr/lib/postgresql").map(
    (version) => `/usr/lib/postgresql/${version}/bin/initdb`,
  );
  const own = process.env.POSTGRES_BIN && join(process.env.POSTGRES_BIN, "initdb");
  return firstRunnable([own, ...debian, ...onPath("initdb")])?.replace(/.initdb$/, "");
}

/** Finds `activemq.jar`: below `ACTIVEMQ_HOME`, or of Debian's package. */
export function findActiveMq(): string | undefined {
  const homes = [process.env.ACTIVEMQ_HOME, "/usr/share/activemq"];
  if (!firstRunnable(onPath("java"))) return undefined;
  return homes.map((home) => home && join(home, "bin/activemq.jar")).find((jar) => jar && existsSync(jar));
}

/** Finds nginx: `NGINX_PATH`, or on this machine. */
export function findNginx(): string | undefined {
  return firstRunnable([process.env.NGINX_PATH, ...onPath("nginx"), "/usr/sbin/nginx"]);
}

/** Finds Caddy: `CADDY_PATH`, or on this machine. */
export function findCaddy(): string | undefined {
  return firstRunnable([process.env.CADDY_PATH, ...onPath("caddy")]);
}

/** Finds HAProxy: `HAPROXY_PATH`, or on this machine. */
export function findHaProxy(): string | undefined {
  return firstRunnable([process.env.HAPROXY_PATH, ...onPath("haproxy"), "/usr/sbin/haproxy"]);
}

/** Finds a Python that has stomp.py: `PYTHON_PATH`, Debian's, or another on the path. */
export function findPython(): string | undefined {
  const pythons = [process.env.PYTHON_PATH, "/usr/bin/python3", ...onPath("python3")];
  return pythons.find((python) => runs(python, "-c", "import stomp"));
}

/** Finds a Ruby that has the gem stomp. */
export function findRuby(): string | undefined {
  return [process.env.RUBY_PATH, ...onPath("ruby")].find((ruby) => runs(ruby, "-e", 'require "stomp"'));
}

/** Finds a Perl that has Net::Stomp: Debian's, or another on the path. */
export function findPerl(): string | undefined {
  return ["/usr/bin/perl", ...onPath("perl")].find((perl) => runs(perl, "-MNet::Stomp", "-e", "1"));
}

/** Finds NATS: `NATS_SERVER`, or on this machine. */
export function findNats(): string | undefined {
  return firstRunnable([process.env.NATS_SERVER, ...onPath("nats-server"), "/usr/sbin/nats-server"]);
}

/**
 * Has each test beside the hook, or in a suite within, tried once more when it fails, and the run tell of it
 * (`tried again: …`): it speaks to a program that is not ours, whose pauses no test knows. What speaks to our own
 * code only is never tried again.
 */
export function tryAgain({ test }: Context): void {
  test?.parent?.eachTest((each) => void each.retries(1));
}

/** Skips a spec whose program is missing, saying so; where `CI` is set nothing is skipped, and it fails. */
export function missing(context: Context, program: string): never {
  const reason = `${program} is missing: npm test installs it where apt-get may`;
  if (process.env.CI) throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  return context.skip();
}

function runs(program: string | undefined, ...options: readonly string[]): boolean {
  return program !== undefined && existsSync(program) && spawnSync(program, options).status === 0;
}

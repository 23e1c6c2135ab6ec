import { spawnSync } from "node:child_process";
import { findActiveMq, findChromium, findPostgres, findRabbitMq } from "./programs.js";

/**
 * Run before the specs: installs the programs they drive, where they are missing
 * and apt-get may be used without asking anybody. Specs tell about what is missing still.
 */
const programs: readonly [packageName: string, found: string | undefined][] = [
  ["chromium", findChromium()],
  ["postgresql", findPostgres()],
  ["rabbitmq-server", findRabbitMq()],
  ["activemq", findActiveMq()],
];
const wanted = programs.filter(([, found]) => found === undefined).map(([packageName]) => packageName);

if (wanted.length > 0) {
  const become = asRoot();
  if (become === undefined) {
    console.log(
      `${wanted.join(" and ")} missing, and no apt-get to install with. The specs that need them skip.`,
    );
  } else {
    console.log(`Installing ${wanted.join(" and ")} …`);
    run([...become, "apt-get", "update", "-qq"]);
    run([...become, "apt-get", "install", "-y", "-qq", "--no-install-recommends", ...wanted]);
  }
}

/** What to put before a command to run it as root without a password; nothing where that cannot be. */
function asRoot(): string[] | undefined {
  if (!succeeds(["apt-get", "--version"])) return undefined;
  if (process.getuid?.() === 0) return [];
  return succeeds(["sudo", "-n", "true"]) ? ["sudo", "-n"] : undefined;
}

function succeeds(command: readonly string[]): boolean {
  return spawnSync(command[0]!, command.slice(1), { stdio: "ignore" }).status === 0;
}

function run(command: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status } = spawnSync(command[0]!, command.slice(1), { stdio: "inherit", env });
  if (status !== 0) console.log(`${command.join(" ")} did not succeed.`);
}

import { spawnSync } from "node:child_process";

/** Installs packages with apt-get, where that may be done without asking anybody; tells whether it tried. */
export function installPackages(names: readonly string[]): boolean {
  const become = asRoot();
  if (become === undefined) return false;

  console.log(`Installing ${names.join(" and ")} …`);
  run([...become, "apt-get", "update", "-qq"]);
  run([...become, "apt-get", "install", "-y", "-qq", "--no-install-recommends", ...names]);
  return true;
}

/** The words before a command that run it as root without a password; nothing where that cannot be. */
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

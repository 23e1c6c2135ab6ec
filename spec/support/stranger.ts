import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

let file: Promise<string> | undefined;

/** Packs the library, once for all who ask; gives the file. */
export function packed(): Promise<string> {
  file ??= pack();
  return file;
}

async function pack(): Promise<string> {
  const folder = resolve("build/packed");
  await mkdir(folder, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, filename);
}

/**
 * Installs the packed library with npm in a new folder, beside packages as `npm install` takes them; gives
 * the folder. Names without a version get that of the repository's own `package.json`.
 *
 * @throws Error with what npm says, such as that a peer's version is not allowed
 */
export async function installed(...packages: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "express-stomp-"));
  const manifest = { name: "stranger", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  const { devDependencies } = JSON.parse(await readFile("package.json", "utf8")) as {
    devDependencies: Record<string, string>;
  };
  // The peers come from the same place as everything else; the lock file pins what was tried.
  const wanted = packages.map((name) =>
    name.lastIndexOf("@") > 0 ? name : `${name}@${devDependencies[name]}`,
  );
  const flags = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...flags, await packed(), ...wanted], { cwd: folder });
  return folder;
}

// `npm run matrix`: the specs of what uses private parts of Node and ws, on each Node that is supported
// with the oldest and the newest ws. Needs npm, which brings the Nodes; `npm run matrix -- 22 26` runs some.
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";

const NODES = ["20.19.0", "22", "24", "26"];
const WS = ["8.21.0", "latest"];
const SPECS = ["socket/**/*", "flow/compressed-once"];

const nodes = process.argv.length > 2 ? process.argv.slice(2) : NODES;
const unknown = nodes.filter((version) => !/^\d+(\.\d+){0,2}$/.test(version));
if (unknown.length > 0) {
  console.error(
    `${unknown.join(", ")}: a version of Node is three numbers at most, as in ${NODES.join(", ")}`,
  );
  process.exit(2);
}

const root = resolve("build/matrix");
const results = [];
const stages = [];
for (const version of WS) stages.push([version, await stageWith(version)]);
for (const version of nodes) {
  const node = await nodeOf(version);
  for (const [ws, stage] of stages) {
    console.log(`\n— Node ${version}, ws ${ws}`);
    const { ok, output } = await run(node, mochaArguments(), stage);
    const [, passed = "0", failed = "?"] = output.match(/^(\d+) passed, (\d+) failed/m) ?? [];
    results.push({ node: version, ws, passed, failed, ok });
  }
}

console.table(results);
const failed = results.filter(({ ok }) => !ok).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Installs one Node below build/matrix, unless it is there. */
async function nodeOf(version) {
  const folder = join(root, `node-${version}`);
  await install(folder, `node@${version}`);
  return join(folder, "node_modules/node/bin/node");
}

/** Lays the compiled project out once more, with another ws: real copies, since Node resolves from where a file really is. */
async function stageWith(ws) {
  const folder = join(root, `ws-${ws}`);
  await rm(folder, { recursive: true, force: true });
  const modules = join(folder, "node_modules");
  await mkdir(modules, { recursive: true });
  for (const name of await readdir("node_modules")) {
    if (name !== "ws" && name !== ".bin") await symlink(resolve("node_modules", name), join(modules, name));
  }
  for (const path of ["package.json", "lib", "spec", "example", "dist", "build/spec", "build/example"]) {
    await cp(path, join(folder, path), { recursive: true });
  }
  const own = join(root, `ws-${ws}-package`);
  await install(own, `ws@${ws}`);
  await cp(join(own, "node_modules/ws"), join(modules, "ws"), { recursive: true });
  return folder;
}

async function install(folder, name) {
  await mkdir(folder, { recursive: true });
  const { ok } = await run("npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--no-save",
    "--prefix",
    folder,
    name,
  ]);
  if (!ok) throw new Error(`npm could not install ${name}`);
}

function mochaArguments() {
  const options = ["--no-config", "--require", "reflect-metadata", "--timeout", "20000", "--forbid-only"];
  const files = SPECS.map((name) => `build/spec/${name}.spec.js`);
  return [
    "--enable-source-maps",
    "node_modules/mocha/bin/mocha.js",
    ...options,
    "--require",
    "./build/spec/support/environment.js",
    "--reporter",
    "./build/spec/support/reporter.js",
    ...files,
  ];
}

function run(command, parameters, cwd = ".") {
  return new Promise((done) => {
    const child = spawn(command, parameters, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.on("close", (code) => done({ ok: code === 0, output }));
  });
}

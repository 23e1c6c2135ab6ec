// `npm run mutants`: plants the faults of spec/mutants.json, one by one, into a copy of the compiled library, runs the
// spec files named for each, and says which survive. `npm run mutants -- broker relay/line` plants those below these
// folders of lib/ only; `npm run mutants -- --check` says which no longer apply, and plants nothing.
//
// A fault is a text of a source file and what stands there in its place. A survivor is equivalent, with the reason
// beside it, or something that no spec sees yet. A fault whose text is gone, or stands there twice, does not apply.
import { spawn } from "node:child_process";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import { join, resolve } from "node:path";
import ts from "typescript";

const STAGE = resolve("build/mutants");
/** A fault may make its specs hang: in milliseconds. */
const TIME_LIMIT = 90_000;

const names = process.argv.slice(2).filter((name) => !name.startsWith("-"));
const mutants = JSON.parse(await readFile("spec/mutants.json", "utf8")).filter(
  ({ file }) => names.length === 0 || names.some((name) => `${file}/`.startsWith(`${name}/`)),
);
const planted = await Promise.all(mutants.map(planting));
const stale = planted.filter(({ code }) => code === undefined);
for (const { file, find } of stale) console.log(`does not apply: lib/${file} has not once: ${find}`);
if (process.argv.includes("--check")) process.exit(stale.length === 0 ? 0 : 1);

setPriority(19);
await stage();
/** Whether a spec file passes without a fault: only then does its failure tell of one. */
const fit = new Map();
const survivors = [];
for (const [index, mutant] of planted.entries()) {
  const { file, code, specs, fault, equivalent } = mutant;
  if (code === undefined) continue;
  const target = join(STAGE, "dist", file.replace(/\.ts$/, ".js"));
  const before = await readFile(target);
  const start = performance.now();
  const isKilled = await kills(specs, {
    with: () => writeFile(target, code),
    without: () => writeFile(target, before),
  });
  const seconds = `${Math.round((performance.now() - start) / 1000)} s`.padStart(5);
  const result = isKilled ? "killed  " : equivalent ? "survives, as it should" : "SURVIVES";
  console.log(`${`${index + 1}`.padStart(3)} ${seconds} ${result} ${file}: ${fault}`);
  if (!isKilled) survivors.push(mutant);
}

const unseen = survivors.filter(({ equivalent }) => equivalent === undefined);
for (const { file, fault, equivalent } of survivors) {
  console.log(`survived: ${file}: ${fault}${equivalent ? ` (equivalent: ${equivalent})` : ""}`);
}
const killed = planted.length - stale.length - survivors.length;
console.log(
  `${killed} killed, ${unseen.length} survived, ${survivors.length - unseen.length} equivalent, ${stale.length} do not apply`,
);
process.exitCode = unseen.length + stale.length === 0 ? 0 : 1;

/** Compiles the library's file with the fault in it; gives no `code` if the fault's text does not stand there once. */
async function planting(mutant) {
  const { file, find, put } = mutant;
  const source = await readFile(join("lib", file), "utf8").catch(() => "");
  if (source.split(find).length !== 2) return mutant;

  const { compilerOptions } = JSON.parse(await readFile("tsconfig.base.json", "utf8"));
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, ".");
  const { outputText } = ts.transpileModule(
    source.replace(find, () => put),
    // One file alone does not say that it is a module.
    { fileName: file, compilerOptions: { ...options, module: ts.ModuleKind.ESNext, sourceMap: false } },
  );
  return { ...mutant, code: outputText };
}

/** A copy of what specs need, so that others may use the tree meanwhile. */
async function stage() {
  await rm(STAGE, { recursive: true, force: true });
  await mkdir(STAGE, { recursive: true });
  for (const path of [
    "package.json",
    "README.md",
    "docs",
    "lib",
    "spec",
    "dist",
    "build/spec",
    "build/example",
  ]) {
    await cp(path, join(STAGE, path), { recursive: true });
  }
  await symlink(resolve("node_modules"), join(STAGE, "node_modules"));
}

/** Whether one of the spec files fails with the fault, or hangs, and passes without it. */
async function kills(specs, planting) {
  const able = specs.filter((name) => fit.get(name) !== false);
  await planting.with();
  const failed = await failing(able);
  await planting.without();
  for (const name of failed.filter((each) => !fit.has(each))) {
    const isFit = (await failing([name])).length === 0;
    fit.set(name, isFit);
    if (!isFit) console.log(`fails without a fault, and is left out: spec/${name}.spec.ts`);
  }
  if (failed.some((name) => fit.get(name))) return true;
  return failed.length > 0 && kills(specs, planting);
}

/** The spec file that fails first; all of them, if none gets to say so. */
async function failing(specs) {
  if (specs.length === 0) return [];
  const report = join(STAGE, "report.json");
  await rm(report, { force: true });
  const code = await mocha(specs, ["--bail", "--reporter", "json", "--reporter-option", `output=${report}`]);
  if (code === 0) return [];
  const { failures } = JSON.parse(await readFile(report, "utf8").catch(() => '{ "failures": [] }'));
  const failed = specs.filter((name) => failures.some(({ file }) => file.endsWith(`/${name}.spec.js`)));
  return failed.length > 0 ? failed : specs;
}

/** Gives the exit code, `null` after the time limit. */
function mocha(specs, flags) {
  const program = resolve("node_modules/mocha/bin/mocha.js");
  const required = ["reflect-metadata", "./build/spec/support/environment.js"];
  const args = [
    ...["--no-config", "--exit", "--timeout", "20000", ...flags],
    ...required.flatMap((name) => ["--require", name]),
    ...specs.map((name) => `build/spec/${name}.spec.js`),
  ];
  return new Promise((done) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: STAGE, stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), TIME_LIMIT);
    child.on("close", (code) => {
      clearTimeout(timer);
      done(code);
    });
  });
}

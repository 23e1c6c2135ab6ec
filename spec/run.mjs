// `npm test`: every check, whatever fails before it, and one closing line that counts them all.
import { spawn } from "node:child_process";

/** Each of these passes or fails as a whole. */
const checks = [
  ["clean", "npm run --silent clean"],
  ["types", "tsc -b"],
];
/** They run beside the specs, one after the other: most specs wait. */
const checksBeside = [
  ["format and lint", "biome ci ."],
  ["typed lint", "oxlint --type-aware lib spec example bench"],
  ["package: publint", "publint --strict"],
  ["package: types resolve", "attw --pack . --profile esm-only"],
  ["package: nothing unused", "knip"],
  ["API reference, its links", "npm run --silent docs"],
];

const failed = [];
const counts = { passed: 0, failed: 0, skipped: 0 };

for (const [name, command] of checks) count(name, (await run(name, command)).ok);
await run(
  "Chromium, PostgreSQL, RabbitMQ, ActiveMQ, Redis, NATS and proxies for the specs",
  "node build/spec/support/install.js",
);
const beside = runBeside();
countSpecs(await run("specs", "c8 node spec/lanes.mjs"));
for (const { name, ok, heading, output } of await beside) {
  process.stdout.write(`${heading}\n${output}`);
  count(name, ok);
}

for (const name of failed) console.log(`failed: ${name}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;

/** What they print waits until the specs have printed theirs. */
async function runBeside() {
  const ran = [];
  for (const [name, command] of checksBeside) {
    const { ok, output } = await start(command, () => {});
    ran.push({ name, ok, heading: `\n— ${name}: ${command}`, output });
  }
  return ran;
}

function count(name, ok) {
  counts[ok ? "passed" : "failed"] += 1;
  if (!ok) failed.push(name);
}

/** The specs count one by one; the run itself fails too when mocha or the coverage threshold says so. */
function countSpecs({ ok, output }) {
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  counts.passed += Number(line?.[1] ?? 0);
  counts.failed += Number(line?.[2] ?? 0);
  counts.skipped += Number(line?.[3] ?? 0);
  if (Number(line?.[2]) > 0) failed.push("specs");
  else count("specs ran through, and cover what they should", ok && line !== undefined);
}

function run(name, command) {
  console.log(`\n— ${name}: ${command}`);
  return start(command, (text) => process.stdout.write(text));
}

function start(command, print) {
  return new Promise((resolve) => {
    // npm has put node_modules/.bin on the path.
    const child = spawn(command, { shell: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        print(text);
      });
    }
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

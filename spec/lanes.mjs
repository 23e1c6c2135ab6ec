// All specs, in as many processes side by side as there are cores, two at the most: most specs wait, for a
// broker, a browser or a deadline. A folder's specs stay together, and print what they print when they have ended.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";

const LANES = Math.min(2, availableParallelism());
/** The folders that take longest begin first. */
const LONGEST = [
  "flow",
  "relay",
  "example/chat",
  "example/portfolio",
  "servers",
  "session",
  "socket",
  "broker",
];

/** How a reporter says how its specs went. */
const CLOSING = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m;
/** A process that has said how its specs went has to end by itself: timers or sockets that keep it alive are a fault. */
const ENDS_WITHIN = 60_000;

const folders = readdirSync("build/spec", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .filter((name) => !["example", "docs"].includes(name) && !LONGEST.includes(name));
const examples = readdirSync("build/spec/example").filter((name) => !LONGEST.includes(`example/${name}`));
const waiting = [
  // Too long for one.
  ["build/spec/flow/[o-z]*.spec.js"],
  ["build/spec/flow/[a-n]*.spec.js"],
  ...LONGEST.slice(1).map((name) => [`build/spec/${name}/**/*.spec.js`]),
  ["build/spec/*.spec.js", "build/spec/docs/**/*.spec.js"],
  // Each is short, and they are many.
  folders.slice(0, folders.length / 2).map((name) => `build/spec/${name}/**/*.spec.js`),
  folders.slice(folders.length / 2).map((name) => `build/spec/${name}/**/*.spec.js`),
  examples.map((name) => `build/spec/example/${name}/**/*.spec.js`),
];

const counts = [0, 0, 0];
const seconds = [];
const failed = [];
const triedAgain = [];
const running = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    for (const child of running) end(child, signal);
    process.exit(1);
  });
}
await Promise.all(Array.from({ length: LANES }, runLane));

if (triedAgain.length > 0) console.log(`\n${triedAgain.join("\n")}`);
if (failed.length > 0) console.log(`\n${failed.join("\n")}`);
for (const line of seconds.sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a)).slice(0, 10)) {
  console.log(line);
}
console.log(`${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped`);

async function runLane() {
  for (;;) {
    const files = waiting.shift();
    if (files === undefined) return;
    const { code, output } = await mocha(files);
    const closing = CLOSING.exec(output);
    if (code !== 0 || closing === null) process.exitCode = 1;
    if (code === null) failed.push(`${files.join(" ")} has not ended by itself`);
    // A failure is told again at the end, where somebody looks first.
    if (closing === null) failed.push(`${files.join(" ")} ended with ${code}, and has not said how it went`);
    else if (closing[2] !== "0") failed.push(output.slice(output.search(/^ {2}\d+ passing/m)));
    for (const [index, count] of (closing ?? []).slice(1).entries()) counts[index] += Number(count);
    triedAgain.push(...(output.match(/^tried again: .*$/gm) ?? []));
    seconds.push(...(output.match(/^ +[\d.]+ s {2}.*$/gm) ?? []));
  }
}

function mocha(files) {
  return new Promise((resolve) => {
    // npm has put node_modules/.bin on the path.
    const child = spawn("mocha", files, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    let output = "";
    let ending;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        // It may come in two pieces.
        const isClosed = CLOSING.test(output.slice(-text.length - 100));
        if (isClosed) ending ??= setTimeout(() => end(child, "SIGKILL"), ENDS_WITHIN);
      });
    }
    child.on("close", (code) => {
      running.delete(child);
      clearTimeout(ending);
      process.stdout.write(output);
      resolve({ code, output });
    });
  });
}

/** With all that it has started: mocha runs in a process below its own. */
function end(child, signal) {
  process.kill(-child.pid, signal);
}

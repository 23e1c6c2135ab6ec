// A copy of what was built in which nothing is counted where a message is fanned out: what counting costs is the difference.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const ROOT = "build/uncounted";

/** What is taken out, by file of `dist/`: each stands there once. */
const COUNTING: Readonly<Record<string, readonly string[]>> = {
  "broker/fan-out.js": ["delivered++;", "this.#counts.deliveries += delivered;"],
  "broker/publishing.js": ["counts.publications++;"],
  "session/outbound.js": ["stats.messagesSent++;", "this.#frames++;"],
  "session/inbound.js": ["stats.received(frame.command);", "this.#frames++;"],
};

/**
 * Makes the copy, the bench's servers included: an import of `express-stomp` there finds the copy.
 *
 * @returns its folder
 * @throws Error when something to take out is not there once: the list above is older than the code
 */
export function makeUncounted(): URL {
  rmSync(ROOT, { recursive: true, force: true });
  for (const folder of ["dist", "bench"]) {
    cpSync(folder === "dist" ? "dist" : "build/bench", `${ROOT}/${folder}`, { recursive: true });
  }
  cpSync("package.json", `${ROOT}/package.json`);
  for (const [file, parts] of Object.entries(COUNTING)) {
    const path = `${ROOT}/dist/${file}`;
    const text = parts.reduce(
      (rest, part) => {
        if (rest.split(part).length !== 2) throw new Error(`${file} has not once ${part}`);
        return rest.replace(part, ";");
      },
      readFileSync(path, "utf8"),
    );
    writeFileSync(path, text);
  }
  return pathToFileURL(`${ROOT}/`);
}

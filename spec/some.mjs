// `npm run spec -- session/inbound broker`: the spec files and folders named, as they stand below `spec/`; all without a name.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

const args = process.argv.slice(2);
const names = args.filter((name) => !name.startsWith("-"));
const files = names.map(fileOf);
const missing = names.filter((_, index) => files[index] === undefined);
if (missing.length > 0) {
  console.error(
    `No spec is called ${missing.join(", ")}. A name is a file or folder below spec/: session/inbound, broker`,
  );
  process.exit(2);
}

const all = "build/spec/**/*.spec.js";
const options = args.filter((option) => option.startsWith("-"));
// npm has put node_modules/.bin on the path.
spawn("mocha", [...options, ...(files.length > 0 ? files : [all])], { stdio: "inherit" }).on(
  "close",
  (code) => {
    process.exitCode = code ?? 1;
  },
);

function fileOf(name) {
  const path = name.replace(/^(build\/)?spec\//, "").replace(/(\.spec)?\.[jt]s$|\/$/, "");
  if (existsSync(`spec/${path}.spec.ts`)) return `build/spec/${path}.spec.js`;
  return existsSync(`spec/${path}`) ? `build/spec/${path}/**/*.spec.js` : undefined;
}

import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect } from "chai";

/** What the files of a station may import from, besides their own. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  logger: ["errors"],
  "own-text": [],
  message: ["own-text", "errors", "logger"],
  destination: ["own-text", "errors"],
  events: ["message", "errors", "logger"],
  clock: [],
  channel: ["clock", "destination", "message", "events", "errors", "logger"],
  socket: ["message", "events", "errors", "logger"],
  stomp: ["clock", "message", "errors", "logger"],
  session: ["own-text", "socket", "stomp", "channel", "message", "events", "errors", "logger"],
  security: ["user", "channel", "destination", "message", "events", "errors", "logger"],
  controller: ["security", "user", "channel", "destination", "message", "events", "errors", "logger"],
  broker: ["own-text", "channel", "destination", "message", "events", "errors", "logger"],
  relay: ["broker", "servers", "stomp", "channel", "message", "errors", "logger"],
  user: ["channel", "destination", "message", "events", "errors", "logger"],
  servers: ["broker", "user", "channel", "message", "errors", "logger"],
  "transport-options": ["errors"],
  options: [
    "transport-options",
    "broker",
    "channel",
    "controller",
    "security",
    "session",
    "user",
    "socket",
    "destination",
    "message",
    "logger",
  ],
  "resolve-options": [
    "options",
    "transport-options",
    "broker",
    "channel",
    "controller",
    "security",
    "session",
    "user",
    "socket",
    "destination",
    "errors",
    "logger",
  ],
  configurer: [
    "options",
    "transport-options",
    "broker",
    "channel",
    "controller",
    "relay",
    "session",
    "socket",
    "message",
    "errors",
  ],
  "stomp-messaging": ["broker", "channel", "events", "session", "user"],
};

/** They join the stations, and may know them all. */
const WIRING = new Set(["messaging", "index"]);

const imports = readdirSync("lib", { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => {
    const source = readFileSync(`lib/${file}`, "utf8");
    const targets = [...source.matchAll(/^(?:import|export)[^"';]*["'](\.[^"']+)["']/gm)];
    return targets.map(([, target = ""]) => ({
      file,
      from: station(file),
      to: station(posix.join(posix.dirname(file), target)),
    }));
  });

function station(file: string): string {
  return (file.split("/")[0] as string).replace(/\.[jt]s$/, "");
}

describe("The stations of lib", () => {
  it("are all in the table of imports", () => {
    const known = new Set([...Object.keys(MAY_IMPORT), ...WIRING]);
    expect([...new Set(imports.map(({ from }) => from))].filter((from) => !known.has(from))).to.deep.equal(
      [],
    );
  });

  it("import only along the arrows of docs/architecture.md", () => {
    const wrong = imports.filter(
      ({ from, to }) => from !== to && !WIRING.has(from) && !MAY_IMPORT[from]?.includes(to),
    );
    expect(wrong.map(({ file, to }) => `${file} imports ${to}`)).to.deep.equal([]);
  });

  it("have no cycle", () => {
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      expect(path, `${[...path, name].join(" → ")}`).to.not.include(name);
      if (done.has(name)) return;
      for (const next of MAY_IMPORT[name] ?? []) visit(next, [...path, name]);
      done.add(name);
    };
    for (const name of Object.keys(MAY_IMPORT)) visit(name, []);
  });

  it("reach a client only through clientOutboundChannel, behind the channels", () => {
    const behind = ["controller", "broker", "relay", "user", "servers", "security"];
    const reaching = imports.filter(
      ({ from, to }) => behind.includes(from) && (to === "socket" || to === "session"),
    );
    expect(reaching).to.deep.equal([]);
  });

  it("show a Frame only to stomp, session and relay", () => {
    const readers = imports.filter(({ to }) => to === "stomp").map(({ from }) => from);
    expect(new Set(readers)).to.deep.equal(new Set(["stomp", "session", "relay", "messaging"]));
  });
});

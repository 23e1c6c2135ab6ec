import { expect } from "chai";
import { circleIn, type Import, importsIn, importsOf } from "./support/import-graph.js";

/** Files that every station may import; they import no station. */
const BASE = ["errors", "logger", "promise", "own-text", "clock", "sparing-log", "options/checks"] as const;

/** The stations that the files of a station may import, besides their own and `BASE`. One file of a folder may be a station. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  logger: [],
  "own-text": [],
  promise: [],
  clock: [],
  "sparing-log": [],
  "options/checks": [],
  "options/transport-options": [],
  message: [],
  destination: [],
  events: ["message"],
  observe: ["destination", "message", "events"],
  channel: ["observe", "destination", "message", "events"],
  authentication: ["channel", "message"],
  socket: ["options/transport-options", "authentication", "message", "events"],
  stomp: ["options/transport-options", "message"],
  session: ["options/transport-options", "socket", "stomp", "channel", "observe", "message", "events"],
  user: ["channel", "destination", "message", "events"],
  security: ["user", "channel", "destination", "message", "events"],
  requests: ["user", "channel", "destination", "message"],
  limits: ["security", "destination", "message"],
  controller: ["security", "user", "channel", "observe", "destination", "message", "events"],
  servers: ["user", "channel", "observe", "message"],
  broker: ["servers", "channel", "observe", "destination", "message", "events"],
  relay: ["broker", "servers", "stomp", "channel", "observe", "message"],
  options: [
    "options/transport-options",
    "observe",
    "limits",
    "broker",
    "channel",
    "controller",
    "security",
    "session",
    "user",
    "socket",
    "destination",
    "message",
  ],
  configurer: [
    "options",
    "options/transport-options",
    "broker",
    "channel",
    "controller",
    "relay",
    "session",
    "socket",
    "message",
  ],
  description: ["channel", "controller", "destination", "limits", "message", "security", "socket"],
  "stomp-messaging": ["broker", "channel", "description", "events", "observe", "session", "socket", "user"],
};

/** Packages of their own, `express-stomp/<name>`: each in its folder, with what it may import of `lib` besides. */
const SUBPATHS: Record<string, readonly string[]> = {
  client: ["contract"],
  contract: [],
  "contract-server": ["index", "contract"],
  testing: ["index", "testing/broker"],
  "testing/broker": [],
  prometheus: ["index"],
  opentelemetry: ["index"],
  inspector: ["index", "inspector/page"],
  "inspector/page": [],
  asyncapi: ["index"],
  // What drivers of backplanes have in common.
  driver: ["index"],
  cluster: ["index", "driver"],
  redis: ["index", "driver"],
  nats: ["index", "driver"],
};

/** Those of them that browsers run: no package, none of Node's either. */
const FOR_BROWSERS = new Set(["client", "contract", "testing/broker", "inspector/page"]);

/** They join the stations, and may know them all. */
const WIRING = new Set(["messaging", "wiring", "index"]);

const imports = importsIn("lib");
const road = imports.filter(({ file, target }) => !(station(file) in SUBPATHS) && target.endsWith(".ts"));

/** The folder of `lib` that a file stands in, unless it is a station itself, or the folder within is a package; of a file beside the folders its name. */
function station(file: string): string {
  const name = file.replace(/\.ts$/, "");
  const [first = "", second = ""] = name.split("/");
  const inner = `${first}/${second}`;
  if (name in MAY_IMPORT) return name;
  return inner in SUBPATHS ? inner : first;
}

/** In `BASE` those that stand before. */
function mayImport(from: string): readonly string[] {
  const base: readonly string[] = BASE;
  const at = base.indexOf(from);
  return [...(at < 0 ? base : base.slice(0, at)), ...(MAY_IMPORT[from] ?? [])];
}

/** Import lines against the rule for subpath packages, each as a sentence. */
function subpathFaults(lines: readonly Import[]): string[] {
  return lines.flatMap(({ file, target }) => {
    const from = station(file);
    const isFile = target.endsWith(".ts");
    const to = station(target);
    const mayImport = SUBPATHS[from];
    const isWrong = mayImport
      ? isFile
        ? from !== to && !mayImport.includes(to)
        : FOR_BROWSERS.has(from)
      : isFile && to in SUBPATHS;
    return isWrong ? [`${file} imports ${target}`] : [];
  });
}

describe("The stations of lib", () => {
  it("are all in the table of imports", () => {
    const known = new Set([...Object.keys(MAY_IMPORT), ...WIRING]);
    const stations = new Set(road.map(({ file }) => station(file)));
    expect([...stations].filter((each) => !known.has(each))).to.deep.equal([]);
  });

  it("import only along the arrows of docs/architecture.md", () => {
    const wrong = road.filter(({ file, target }) => {
      const from = station(file);
      const to = station(target);
      return from !== to && !WIRING.has(from) && !mayImport(from).includes(to);
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).to.deep.equal([]);
  });

  it("are not allowed to import each other in a circle", () => {
    const allowed = Object.keys(MAY_IMPORT).flatMap((file) =>
      mayImport(file).map((target) => ({ file, target })),
    );
    expect(circleIn(allowed)).to.deep.equal([]);
  });

  it("reach a client only through clientOutboundChannel, behind the channels", () => {
    const behind = ["controller", "broker", "relay", "user", "servers", "security", "authentication"];
    const reaching = road.filter(
      ({ file, target }) => behind.includes(station(file)) && /^(socket|session)\//.test(target),
    );
    expect(reaching).to.deep.equal([]);
  });

  it("show a Frame only to stomp, session and relay", () => {
    const readers = road.filter(({ target }) => station(target) === "stomp").map(({ file }) => station(file));
    expect(new Set(readers)).to.deep.equal(new Set(["stomp", "session", "relay", "wiring"]));
  });
});

describe("The files", () => {
  for (const tree of ["lib", "bench", "example", "spec"]) {
    it(`of ${tree} do not import each other in a circle, types included`, () => {
      const lines = importsIn(tree);
      expect(lines).to.not.be.empty;
      expect(circleIn(lines)).to.deep.equal([]);
    });
  }

  it("would be found to do so, over several lines and by an export as well", () => {
    const lines = [
      ...importsOf("a.ts", 'import { type B } from "./b.js";'),
      ...importsOf(
        "b.ts",
        'import "node:fs";\nexport const x = "./a.js";\nexport {\n  c,\n} from "./of/c.js";',
      ),
      ...importsOf("of/c.ts", 'import type { B } from "../b.js";'),
    ];
    expect(circleIn(lines)).to.deep.equal(["b.ts", "of/c.ts", "b.ts"]);
    expect(circleIn(lines.slice(0, -1))).to.deep.equal([]);
  });
});

describe("A subpath package", () => {
  it("imports what its users could, and is imported by no station", () => {
    expect(subpathFaults(imports)).to.deep.equal([]);
  });

  it("would be found to do otherwise", () => {
    const lines = [
      ...importsOf("testing/a.ts", 'import { stompMessaging } from "../index.js";\nimport "node:net";'),
      ...importsOf("client/a.ts", 'import type { Contract } from "../contract/contract.js";'),
    ];
    expect(subpathFaults(lines)).to.deep.equal([]);

    const wrong = [
      ...importsOf("redis/a.ts", 'import { Pace } from "../channel/pace.js";'),
      ...importsOf("client/b.ts", 'import type { Message } from "../index.js";\nimport "node:net";'),
      ...importsOf("messaging.ts", 'export { client } from "./client/client.js";'),
    ];
    expect(subpathFaults(wrong)).to.deep.equal([
      "redis/a.ts imports channel/pace.ts",
      "client/b.ts imports index.ts",
      "client/b.ts imports node:net",
      "messaging.ts imports client/client.ts",
    ]);
  });
});

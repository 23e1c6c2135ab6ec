import { readFileSync } from "node:fs";
import { table, writeIntoPage } from "./page.js";

/** As much of V8's profiles as is read here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  /** Microseconds to each sample. */
  readonly timeDeltas: readonly number[];
}

const PLACES = [
  "kernel",
  "node",
  "ws",
  "socket",
  "stomp",
  "session",
  "channel",
  "controller",
  "broker",
  "gc",
];

/** Functions of node that call the kernel. */
const SYSTEM_CALLS = new Set(["writeLatin1String", "writeUtf8String", "writeBuffer", "writev"]);

/** Where the CPU of express-stomp goes, by station. */
export class ProfileTable {
  readonly #rows: string[][] = [];

  /**
   * Adds a scenario, of which a profile was written. Samples go on while the process waits for a CPU, so only
   * their shares count, of the microseconds that a delivery was measured to cost.
   */
  add(title: string, path: string, cost: number): void {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, "utf8")) as Profile;
    const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
    const microseconds = new Map<string, number>();
    for (const [i, sample] of samples.entries()) {
      const place = places.get(sample) ?? "node";
      microseconds.set(place, (microseconds.get(place) ?? 0) + (timeDeltas[i] ?? 0));
    }
    microseconds.delete("idle");
    const all = [...microseconds.values()].reduce((sum, each) => sum + each, 0);
    const each = (place: string) => (((microseconds.get(place) ?? 0) / all) * cost).toFixed(2);
    this.#rows.push([title, ...PLACES.map(each)]);
  }

  write(): void {
    const head = ["scenario, CPU µs for each delivery", ...PLACES.map((place) => HEADS[place] ?? place)];
    writeIntoPage("bench:profile", table(head, this.#rows));
  }
}

const HEADS: Readonly<Record<string, string>> = {
  kernel: "write to the kernel",
  node: "node and the rest",
  broker: "broker, destination, message",
  gc: "garbage collection",
};

function placeOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === "(idle)") return "idle";
  if (functionName === "(garbage collector)") return "gc";
  if (SYSTEM_CALLS.has(functionName)) return "kernel";
  if (url.includes("/node_modules/ws/")) return "ws";
  const station = /\/dist\/(\w+)\//.exec(url)?.[1];
  if (station === "destination" || station === "message") return "broker";
  return station !== undefined && PLACES.includes(station) ? station : "node";
}

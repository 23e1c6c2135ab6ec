import { Counter, Gauge, type Registry } from "prom-client";
import { MEASURES, type Measure, type MessagingStats, type ObservedMessaging } from "../index.js";

export interface Registration {
  readonly registry: Registry;
  readonly prefix: string;
}

/** Units that Prometheus writes into a metric's name. */
const UNITS: Readonly<Record<string, string>> = { By: "bytes", s: "seconds" };

/** Registers a metric for each measure, whose numbers are read at a scrape. @returns takes them out again */
export function registerMeasures(
  messaging: ObservedMessaging,
  { registry, prefix }: Registration,
): () => void {
  const stats = oncePerTurn(() => messaging.stats());
  const names = MEASURES.map((measure) => {
    const name = prefix + metricOf(measure);
    const config = {
      name,
      help: measure.description,
      labelNames: measure.label === undefined ? [] : [measure.label],
      registers: [registry],
    };
    if (measure.kind === "counter") {
      const counter: Counter = new Counter({
        ...config,
        collect: () => {
          counter.reset();
          write(measure, stats(), (labels, value) => counter.inc(labels, value));
        },
      });
    } else {
      const gauge: Gauge = new Gauge({
        ...config,
        collect: () => {
          gauge.reset();
          write(measure, stats(), (labels, value) => gauge.set(labels, value));
        },
      });
    }
    return name;
  });
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}

/** The name of a metric, without its prefix. */
export function metricOf({ name, kind, unit }: Pick<Measure, "name" | "unit"> & { kind?: string }): string {
  const parts = [name.replaceAll(".", "_"), UNITS[unit], kind === "counter" ? "total" : undefined];
  return parts.filter((part) => part !== undefined).join("_");
}

function write(
  { label, read }: Measure,
  stats: MessagingStats,
  put: (labels: Record<string, string>, value: number) => void,
): void {
  const value = read(stats);
  if (value === undefined) return;
  if (typeof value === "number") put({}, value);
  else for (const [key, each] of Object.entries(value)) put({ [label as string]: key }, each);
}

/** A scrape asks every metric in one turn of the event loop: all are of the same moment, and sessions are looked at once. */
function oncePerTurn<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    if (!made) {
      made = { value: make() };
      queueMicrotask(() => {
        made = undefined;
      });
    }
    return made.value;
  };
}

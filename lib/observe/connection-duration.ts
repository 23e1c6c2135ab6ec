import type { MessagingEvents } from "../events.js";

/** The time that connections last, as metrics name it: a histogram. */
export interface DurationMeasure {
  /** With dots, as OpenTelemetry writes it behind `express_stomp.`. */
  readonly name: string;
  readonly unit: "s";
  readonly description: string;
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
  readonly labels: readonly ["transport", "end"];
  /** Gives what the event `disconnect` tells of one; its labels have a fixed set of values each. */
  read(event: Pick<MessagingEvents["disconnect"], "code" | "transport" | "duration">): {
    readonly seconds: number;
    readonly labels: { readonly transport: string; readonly end: "left" | "lost" | "ended" };
  };
}

/** The codes of ends without a fault: of clients that leave, and of servers that close. */
const LEAVING: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** The code of a line that broke. */
const LOST = 1006;

/**
 * How long connections lasted, of those whose CONNECT was accepted: by transport, and by their `end`. That is `left` with
 * the codes 1000, 1001 and 1005, `lost` when the line broke (1006), and `ended` with all others: faults, limits, what the application has ended.
 *
 * @example
 * ```ts
 * messaging.on("disconnect", (event) => {
 *   const { seconds, labels } = CONNECTION_DURATION.read(event);
 *   console.log(seconds, labels.end);
 * });
 * ```
 */
export const CONNECTION_DURATION: DurationMeasure = {
  name: "connection.duration",
  unit: "s",
  description: "How long connections lasted whose CONNECT was accepted",
  // From a page that reloads to one that is left open over a night.
  bounds: [0.1, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200],
  labels: ["transport", "end"],
  read({ code, transport, duration }) {
    const end = LEAVING.has(code) ? "left" : code === LOST ? "lost" : "ended";
    return { seconds: duration / 1_000, labels: { transport, end } };
  },
};

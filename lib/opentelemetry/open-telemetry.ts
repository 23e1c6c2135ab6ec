import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import type { Observation } from "../index.js";
import { exportMeasures } from "./measures.js";
import { Tracing } from "./tracing.js";

/** Options of `openTelemetry`. */
export interface OpenTelemetryOptions {
  /** @default the one that the SDK has registered */
  readonly tracerProvider?: TracerProvider;
  /** @default the one that the SDK has registered */
  readonly meterProvider?: MeterProvider;
  /**
   * Whether a client's `traceparent`, `tracestate` and `baggage` are believed: then a controller's span is part of the
   * client's trace, and sampled as the client says. `false` begins a trace of its own, which links to the client's; the client's baggage is dropped.
   *
   * @default true, as HTTP servers do
   */
  readonly trustClientContext?: boolean;
  /**
   * Whether what the application sends carries the context on, as headers that subscribers see. One that has a
   * `traceparent` already keeps it.
   *
   * @default true
   */
  readonly propagate?: boolean;
  /**
   * Whether spans name destinations as they are written, clients' text included; users' names are left out in any
   * case. By default they name the patterns of mappings, and of what is sent the first part: `/topic`.
   *
   * @default false
   */
  readonly destinations?: boolean;
}

/** The name of the library, as spans and metrics say where they come from. */
const SCOPE = "express-stomp";

/**
 * Tells OpenTelemetry of controllers' calls and of what the application sends, as spans, and of all that
 * `messaging.stats()` tells, as metrics; by the messaging conventions 1.44. There are no spans for deliveries and connections.
 *
 * Inside of a controller's method its span is the active one, so that a query's span is its child.
 *
 * @example
 * ```ts
 * const messaging = stompMessaging({
 *   observation: openTelemetry({ trustClientContext: false }),
 *   endpoints: [{ path: "/ws" }],
 * });
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Required<Observation> {
  const { trustClientContext = true, propagate = true, destinations = false } = options;
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
  const tracing = new Tracing({ tracer, meter, trustClientContext, propagate, destinations });
  return {
    handle: (call, run) => tracing.handle(call, run),
    send: (call, run) => tracing.send(call, run),
    start: (messaging) => exportMeasures(messaging, meter),
  };
}

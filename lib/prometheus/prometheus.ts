import type { RequestHandler } from "express";
import { Histogram, Registry } from "prom-client";
import { CONNECTION_DURATION, type Observation } from "../index.js";
import { outcomeOf, settled } from "./outcome.js";
import { metricOf, registerMeasures } from "./register-measures.js";

/** Options of `prometheus`. */
export interface PrometheusOptions {
  /** Where the metrics are registered: of `prom-client`. @default a registry of their own */
  readonly registry?: Registry;
  /** The beginning of every name. @default "express_stomp_" */
  readonly prefix?: string;
  /** Upper bounds of the histograms of calls and sendings, in seconds. @default 0.005 to 10, as OpenTelemetry advises for messaging */
  readonly buckets?: readonly number[];
}

/** An observation that fills a registry of `prom-client`. */
export interface PrometheusObservation extends Required<Pick<Observation, "handle" | "send" | "start">> {
  readonly registry: Registry;
  /** Answers a scrape with all that is in the registry. */
  readonly handler: RequestHandler;
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Gives Prometheus all that `messaging.stats()` tells, read at each scrape, and histograms of controllers by the
 * pattern of their mapping, of what the application sends, and of how long connections last. No label has a client's text.
 *
 * @throws Error of `prom-client` when the registry has metrics of these names: two of them need two prefixes
 * @example
 * ```ts
 * const metrics = prometheus();
 * const messaging = stompMessaging({ observation: metrics, endpoints: [{ path: "/ws" }] });
 * app.get("/metrics", metrics.handler);
 * ```
 */
export function prometheus(options: PrometheusOptions = {}): PrometheusObservation {
  const { registry = new Registry(), prefix = "express_stomp_", buckets = BUCKETS } = options;
  const calls = new Histogram({
    name: `${prefix}controller_duration_seconds`,
    help: "Calls of controllers' methods, their replies included",
    labelNames: ["pattern", "outcome"],
    buckets: [...buckets],
    registers: [registry],
  });
  const sends = new Histogram({
    name: `${prefix}publish_duration_seconds`,
    help: "Sendings of the application, until the broker has taken the message",
    labelNames: ["outcome"],
    buckets: [...buckets],
    registers: [registry],
  });
  const connections = new Histogram({
    name: prefix + metricOf(CONNECTION_DURATION),
    help: CONNECTION_DURATION.description,
    labelNames: [...CONNECTION_DURATION.labels],
    buckets: [...CONNECTION_DURATION.bounds],
    registers: [registry],
  });

  return {
    registry,

    handle(call, run) {
      const begin = performance.now();
      return settled(run, (failed, error) => {
        const outcome = outcomeOf(failed, call.error ?? error);
        calls.observe({ pattern: call.pattern, outcome }, (performance.now() - begin) / 1000);
      });
    },

    send({ message }, run) {
      const begin = performance.now();
      return settled(
        () => run(message),
        (failed, error) => {
          sends.observe({ outcome: outcomeOf(failed, error) }, (performance.now() - begin) / 1000);
        },
      );
    },

    start(messaging) {
      const stopMeasures = registerMeasures(messaging, { registry, prefix });
      const stopListening = messaging.on("disconnect", (event) => {
        const { labels, seconds } = CONNECTION_DURATION.read(event);
        connections.observe(labels, seconds);
      });
      return () => {
        stopMeasures();
        stopListening();
      };
    },

    handler: (_request, response, next) => {
      registry.metrics().then((text) => {
        // Not by `type`, which would put another charset there.
        response.setHeader("Content-Type", registry.contentType);
        response.setHeader("Cache-Control", "no-store");
        response.end(text);
      }, next);
    },
  };
}

import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type HandlerCall, type Message, MessagingError, type SendCall, withHeaders } from "../index.js";
import { HEADERS, WRITER } from "./carrier.js";

export interface TracingOptions {
  readonly tracer: Tracer;
  readonly meter: Meter;
  readonly trustClientContext: boolean;
  readonly propagate: boolean;
  readonly destinations: boolean;
}

const SYSTEM = { "messaging.system": "express_stomp" };

/** Upper bounds of durations in seconds, as the conventions advise. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** A span with the duration that a histogram is told at its end. */
interface Timed {
  readonly span: Span;
  readonly histogram: Histogram;
  readonly attributes: Attributes;
}

/** Spans around controllers' calls and around sendings, and how long they take. */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #calls: Histogram;
  readonly #sends: Histogram;

  constructor(options: TracingOptions) {
    this.#options = options;
    const { meter } = options;
    const histogram = { unit: "s", advice: { explicitBucketBoundaries: BUCKETS } };
    this.#calls = meter.createHistogram("messaging.process.duration", {
      ...histogram,
      description: "Duration of processing operation.",
    });
    this.#sends = meter.createHistogram("messaging.client.operation.duration", {
      ...histogram,
      description: "Duration of messaging operation initiated by a producer or consumer client.",
    });
  }

  handle(call: HandlerCall, run: () => void | Promise<void>): void | Promise<void> {
    const { tracer, trustClientContext, destinations } = this.#options;
    const { message, pattern, method, type } = call;
    const { native, destination, sessionId } = message.headers;
    const name = type === "SUBSCRIBE" ? "subscribe" : "process";
    const attributes = {
      ...SYSTEM,
      "messaging.operation.name": name,
      "messaging.operation.type": "process",
      "messaging.destination.template": pattern,
    };
    const given = propagation.extract(ROOT_CONTEXT, native, HEADERS);
    const parent = trustClientContext ? given : ROOT_CONTEXT;
    const remote = trace.getSpanContext(given);
    const span = tracer.startSpan(
      `${name} ${pattern}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          ...attributes,
          "code.function.name": method,
          "messaging.message.body.size": message.payload.length,
          ...(sessionId !== undefined && { "messaging.client.id": sessionId }),
          ...(destinations && destination !== undefined && { "messaging.destination.name": destination }),
        },
        ...(!trustClientContext && remote && { links: [{ context: remote }] }),
      },
      parent,
    );
    return around(parent, { span, histogram: this.#calls, attributes }, run, () => call.error);
  }

  send(
    { message, destination }: SendCall,
    run: (message: Message) => boolean | Promise<boolean>,
  ): boolean | Promise<boolean> {
    const { tracer, propagate, destinations } = this.#options;
    const active = context.active();
    const shown = destinations ? destination : firstPartOf(destination);
    const attributes = {
      ...SYSTEM,
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
    };
    const span = tracer.startSpan(
      shown === undefined ? "send" : `send ${shown}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: {
          ...attributes,
          "messaging.message.body.size": message.payload.length,
          ...(shown !== undefined && { "messaging.destination.name": shown }),
        },
      },
      active,
    );
    const carried = propagate ? carrying(message, trace.setSpan(active, span)) : message;
    return around(active, { span, histogram: this.#sends, attributes }, () => run(carried));
  }
}

/** Runs something with a span as the active one, and ends that when it is done. */
function around<T>(parent: Context, timed: Timed, run: () => T, taken: () => unknown = () => undefined): T {
  const begin = performance.now();
  return context.with(trace.setSpan(parent, timed.span), () => {
    let result: T;
    try {
      result = run();
    } catch (error) {
      end(timed, begin, { error: taken() ?? error, failed: true });
      throw error;
    }
    if (!(result instanceof Promise)) {
      end(timed, begin, { error: taken(), failed: false });
      return result;
    }
    result.then(
      () => end(timed, begin, { error: taken(), failed: false }),
      (error: unknown) => end(timed, begin, { error: taken() ?? error, failed: true }),
    );
    return result;
  });
}

/** @param failed whether nobody took the error */
function end(
  { span, histogram, attributes }: Timed,
  begin: number,
  { error, failed }: { readonly error: unknown; readonly failed: boolean },
): void {
  const type = error === undefined ? undefined : errorType(error);
  if (type !== undefined) {
    span.setAttribute("error.type", type);
    if (error instanceof Error) span.recordException(error);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  }
  const labels = type === undefined ? attributes : { ...attributes, "error.type": type };
  histogram.record((performance.now() - begin) / 1000, labels);
  span.end();
}

/** The code of an error of ours, or the name of an error's class. */
function errorType(error: unknown): string {
  if (error instanceof MessagingError) return error.code;
  return error instanceof Error ? error.constructor.name || "Error" : "_OTHER";
}

/** The same message with the context among its headers, unless whoever made it has put one there. */
function carrying(message: Message, active: Context): Message {
  const { native } = message.headers;
  if (propagation.fields().some((name) => name !== "baggage" && native.has(name))) return message;

  const carrier = { headers: native };
  propagation.inject(active, carrier, WRITER);
  return carrier.headers === native ? message : withHeaders(message, { native: carrier.headers });
}

/** As many as the broker has prefixes; what follows may be anybody's text. */
function firstPartOf(destination: string): string | undefined {
  const next = destination.indexOf("/", 1);
  return next < 0 ? undefined : destination.slice(0, next);
}

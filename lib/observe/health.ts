import type { RequestHandler } from "express";
import type { Clock } from "../clock/clock.js";
import type { EventPublisher } from "../events.js";

/** The answer of `messaging.health()`. */
export interface MessagingHealth {
  /**
   * `up`: it takes clients, and its broker takes messages. `down`: the broker is
   * away. `closing`: `close` was called; it stays so when all has ended.
   */
  readonly status: "up" | "down" | "closing";
  /** Whether the broker can be reached; always, with the simple broker. */
  readonly isBrokerAvailable: boolean;
  /** Since when the status is what it is. */
  readonly since: Date;
}

interface HealthContext {
  readonly clock: Clock;
  readonly events: EventPublisher;
  isBrokerAvailable(): boolean;
}

/** Knows whether new clients are welcome, and since when. */
export class Health {
  readonly #context: HealthContext;
  #status: MessagingHealth["status"];
  #since: number;
  #isClosing = false;

  constructor(context: HealthContext) {
    this.#context = context;
    this.#since = context.clock.date();
    this.#status = this.#present;
    context.events.on("brokerAvailability", () => this.#look());
  }

  /** From now on it is `closing`, whatever becomes of the broker. */
  close(): void {
    this.#isClosing = true;
    this.#look();
  }

  now(): MessagingHealth {
    this.#look();
    const isBrokerAvailable = this.#context.isBrokerAvailable();
    return { status: this.#status, isBrokerAvailable, since: new Date(this.#since) };
  }

  get #present(): MessagingHealth["status"] {
    if (this.#isClosing) return "closing";
    return this.#context.isBrokerAvailable() ? "up" : "down";
  }

  #look(): void {
    const status = this.#present;
    if (status === this.#status) return;
    this.#status = status;
    this.#since = this.#context.clock.date();
  }
}

/**
 * Gives a handler for a load balancer's readiness probe: 200 while new clients
 * are welcome, 503 from the first moment of `close`, and while the broker is
 * away. The body is `messaging.health()` as JSON; no cache keeps it.
 *
 * A process that is alive and not ready needs no restart: leave it out of a
 * liveness probe.
 *
 * @example
 * ```ts
 * app.get("/ready", readiness(messaging));
 * ```
 */
export function readiness(messaging: { health(): MessagingHealth }): RequestHandler {
  return (_request, response) => {
    const health = messaging.health();
    response.set("Cache-Control", "no-store");
    response.status(health.status === "up" ? 200 : 503).json(health);
  };
}

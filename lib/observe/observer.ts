import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { parseUserDestination } from "../destination/user-destination.js";
import { ignoreRejection } from "../errors.js";
import type { Logger } from "../logger.js";
import { isMessage, type Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import type { HandlerCall, Observation, ObservedMessaging, SendCall } from "./observation.js";

type Handled = void | Promise<void>;
type Sent = boolean | Promise<boolean>;

/** A call, whose error is set when it is known. */
type ObservedCall = Omit<HandlerCall, "error"> & { error: unknown };

export interface ObserverOptions {
  readonly observations: readonly Observation[];
  /** Of users' destinations, with its closing slash. */
  readonly userDestinationPrefix: string;
  readonly logger: Logger;
}

const HANDLE = tracingChannel("express-stomp:handle");
const PUBLISH = tracingChannel("express-stomp:publish");

/**
 * Puts the observations around calls and sendings, the first outermost, and tells Node's channels of them. While nobody
 * looks it costs a question.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #around: readonly Required<Pick<Observation, "handle">>[];
  readonly #aroundSends: readonly Required<Pick<Observation, "send">>[];
  readonly #stops: (() => void)[] = [];
  #hasFailed = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#around = options.observations.filter((each): each is Required<Observation> => !!each.handle);
    this.#aroundSends = options.observations.filter((each): each is Required<Observation> => !!each.send);
  }

  start(messaging: ObservedMessaging): void {
    for (const observation of this.#options.observations) {
      const stop: unknown = observation.start?.(messaging);
      if (typeof stop === "function") this.#stops.push(stop as () => void);
    }
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) {
      try {
        stop();
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** Whether anybody looks at calls. */
  get watchesCalls(): boolean {
    return this.#around.length > 0 || isHeard(HANDLE);
  }

  handle(call: ObservedCall, run: () => Handled): Handled {
    let whole = run;
    for (const observation of this.#around.toReversed()) {
      const inner = whole;
      whole = () => this.#observe((once) => observation.handle(call, () => once(undefined)), inner);
    }
    return isHeard(HANDLE) ? traced(HANDLE, call, whole) : whole();
  }

  send(message: Message, run: (message: Message) => Sent): Sent {
    if (this.#aroundSends.length === 0 && !isHeard(PUBLISH)) return run(message);

    const destination = this.#publicDestination(message);
    let whole = run;
    for (const observation of this.#aroundSends.toReversed()) {
      const inner = whole;
      whole = (given) =>
        this.#observe(
          (once) => observation.send({ message: given, destination }, once),
          (changed) => inner(isMessage(changed) ? changed : given),
        );
    }
    const call: SendCall = { message, destination };
    return isHeard(PUBLISH) ? traced(PUBLISH, call, () => whole(message)) : whole(message);
  }

  /** Without the name of the user that it is for. */
  #publicDestination({ headers: { destination = "" } }: Message): string {
    const { userDestinationPrefix } = this.#options;
    const address = parseUserDestination(userDestinationPrefix, destination);
    return address ? userDestinationPrefix.slice(0, -1) + address.destination : destination;
  }

  /** Gives the outcome of `run`, which is called once, whatever the observation does. */
  #observe<T>(observe: (run: (given: unknown) => T) => unknown, run: (given: unknown) => T): T {
    let outcome: { readonly value: T } | { readonly fault: unknown } | undefined;
    const once = (given: unknown): T => {
      outcome ??= outcomeOf(() => run(given));
      if ("fault" in outcome) throw outcome.fault;
      return outcome.value;
    };
    try {
      const observed = observe(once);
      if (isPromise(observed)) ignoreRejection(observed);
    } catch (error) {
      const isRuns = outcome !== undefined && "fault" in outcome && outcome.fault === error;
      if (!isRuns) this.#failed(error);
    }
    return once(undefined);
  }

  /** Logged once: it would fail for each message. */
  #failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.logger.error("An observation failed (further failures are not logged)", error);
  }
}

/** As the getter of Node's channel says, which its types do not know yet. */
function isHeard({ start, end, asyncStart, asyncEnd, error }: TracingChannel): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

function outcomeOf<T>(run: () => T): { readonly value: T } | { readonly fault: unknown } {
  try {
    return { value: run() };
  } catch (fault) {
    return { fault };
  }
}

/** As `traceSync`, and `tracePromise` for what gives a promise: what is synchronous stays so. */
function traced<T>(
  channel: TracingChannel,
  call: { readonly message: Message; error?: unknown },
  run: () => T,
): T {
  const failed = (fault: unknown): void => {
    call.error ??= fault;
    channel.error.publish(call);
  };
  const settled = (): void => {
    channel.asyncStart.publish(call);
    channel.asyncEnd.publish(call);
  };
  return channel.start.runStores(call, () => {
    try {
      const result = run();
      if (isPromise(result)) {
        result.then(settled, (fault: unknown) => {
          failed(fault);
          settled();
        });
      }
      return result;
    } catch (fault) {
      failed(fault);
      throw fault;
    } finally {
      channel.end.publish(call);
    }
  }) as T;
}

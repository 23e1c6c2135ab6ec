import { inspect } from "node:util";
import type { Clock } from "../clock/clock.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError, ignoreRejection } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { compact, type Message, sizeOf } from "../message/message.js";
import { publishedHeaders } from "../message/publication.js";
import { ownText } from "../own-text.js";
import { isPromise } from "../promise.js";
import { SparingLog } from "../sparing-log.js";
import type { BrokerCounts } from "./broker-counts.js";
import type { ConflationOptions } from "./conflation-options.js";
import { readTopics, type TopicPlaces } from "./topic-patterns.js";
import type { Turns } from "./turns.js";

/** About what a subject takes in memory beside its characters, in bytes. */
const SUBJECT_BYTES = 256;

export interface ConflationContext {
  readonly conflate: readonly ConflationOptions[];
  readonly places: TopicPlaces;
  /** With its closing slash: `/user/`. */
  readonly userPrefix: string;
  /** Bytes that all subjects and their messages may take. */
  readonly sizeLimit: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Throws unless a message that is to wait could be published now. */
  check(message: Message): void;
  readonly counts: Pick<BrokerCounts, "conflated">;
  readonly turns: Turns;
  /** Publishes a message that has waited; a promise if it goes to other servers. */
  publish(message: Message): void | Promise<void>;
  /** Hears of a message that has waited, and could not be published then. */
  unpublished(message: Message): void;
}

/** A thing that messages tell of, from one that went out until none has come for a while. */
interface Subject {
  readonly name: string;
  /** When the next message may go out. */
  due: number;
  /** The newest that came since. */
  waiting: Message | undefined;
  bytes: number;
}

interface Rule {
  readonly patterns: readonly DestinationPattern[];
  readonly every: number;
  readonly key: ConflationOptions["key"];
  /** The one that is due first stands first. */
  readonly subjects: Map<string, Subject>;
  stopTimer: (() => void) | undefined;
}

/**
 * Lets of each subject a message go out at once, and then the newest every so
 * often. A message that goes out late is published then: one that it replaced was never
 * published, and has no number.
 */
export class Conflation {
  readonly #context: ConflationContext;
  readonly #rules: readonly Rule[];
  readonly #log: SparingLog;
  #bytes = 0;
  #isOver = false;

  /** @throws ConfigurationError when a pattern cannot be read, or is of no topic */
  constructor(context: ConflationContext) {
    const { conflate, places, logger, clock } = context;
    const notQueues = "Each message of a queue is somebody's work, and none replaces another";
    this.#context = context;
    this.#log = new SparingLog({ logger, clock, lines: 10, period: "hour" });
    this.#rules = conflate.map(({ destinations, every, key }, i) => ({
      patterns: destinations.map((text) => {
        const option = `conflate[${i}].destinations`;
        if (!text.startsWith(context.userPrefix)) return readTopics(option, text, { ...places, notQueues });
        throw new ConfigurationError(
          `simpleBroker: ${option} has ${text}, which is of users, each of whom is sent messages of their own`,
        );
      }),
      every,
      key,
      subjects: new Map(),
      stopTimer: undefined,
    }));
  }

  /** Takes a message that has to wait; `false` if it may go out now. @throws what `check` does: nothing is replaced then */
  holds(message: Message): boolean {
    if (this.#isOver) return false;
    const { destination = "" } = message.headers;
    const rule = this.#rules.find(({ patterns }) => patterns.some((pattern) => pattern.fits(destination)));
    const key = rule && this.#keyOf(rule, message);
    if (!rule || key === undefined) return false;

    // A destination has no NUL.
    const name = `${destination}\0${key}`;
    const subject = rule.subjects.get(name);
    if (!subject) {
      this.#begin(rule, name);
      return false;
    }
    this.#context.check(message);
    if (subject.waiting) this.#context.counts.conflated++;
    const wait = ownCopy(message);
    const size = sizeOf(wait) - (subject.waiting ? sizeOf(subject.waiting) : 0);
    if (this.#bytes + size > this.#context.sizeLimit) {
      // It replaces what waited all the same.
      this.#replace(subject, undefined);
      this.#wentOut(rule, subject);
      return false;
    }
    this.#replace(subject, wait);
    return true;
  }

  /** Lets all go out that waits, and from now on everything at once. */
  flush(): void {
    this.#isOver = true;
    for (const rule of this.#rules) {
      rule.stopTimer?.();
      rule.stopTimer = undefined;
      for (const subject of rule.subjects.values()) {
        const { waiting } = subject;
        this.#replace(subject, undefined);
        if (waiting) this.#publish(waiting);
      }
      rule.subjects.clear();
    }
    this.#bytes = 0;
  }

  /** `undefined` when the application's function gives none: then nothing replaces the message. */
  #keyOf({ key }: Rule, message: Message): string | undefined {
    if (!key) return "";
    try {
      const given: unknown = key(message);
      if (given === undefined || typeof given === "string" || typeof given === "number")
        return `${given ?? ""}`;
      if (isPromise(given)) ignoreRejection(given);
      this.#complain(message, `gave ${inspect(given)}, which is neither a text nor a number`);
    } catch (error) {
      this.#complain(message, `threw ${inspect(error)}`);
    }
    return undefined;
  }

  #complain({ headers: { destination = "" } }: Message, what: string): void {
    this.#log.warn(
      `The key of conflate for ${printable(destination)} ${what}: the message goes out as it is`,
      "",
    );
  }

  /** One went out now: the next waits, if there is space for it. */
  #begin(rule: Rule, name: string): void {
    const bytes = SUBJECT_BYTES + 2 * name.length;
    if (this.#bytes + bytes > this.#context.sizeLimit) return;

    this.#bytes += bytes;
    const subject: Subject = { name: ownText(name), due: 0, waiting: undefined, bytes };
    this.#wentOut(rule, subject);
  }

  #wentOut(rule: Rule, subject: Subject): void {
    subject.due = this.#context.clock.now() + rule.every;
    rule.subjects.delete(subject.name);
    rule.subjects.set(subject.name, subject);
    this.#arm(rule);
  }

  /** Waits for the subject that is due first. */
  #arm(rule: Rule): void {
    const [first] = rule.subjects.values();
    if (!first || rule.stopTimer || this.#isOver) return;
    const { clock } = this.#context;
    rule.stopTimer = clock.after(Math.max(1, Math.ceil(first.due - clock.now())), () => {
      rule.stopTimer = undefined;
      this.#goOn(rule);
    });
  }

  #goOn(rule: Rule): void {
    const now = this.#context.clock.now();
    for (const subject of [...this.#due(rule, now)]) {
      const { waiting } = subject;
      this.#replace(subject, undefined);
      if (waiting) {
        this.#wentOut(rule, subject);
        this.#publish(waiting);
      } else {
        rule.subjects.delete(subject.name);
        this.#bytes -= subject.bytes;
      }
    }
    this.#arm(rule);
  }

  #publish(message: Message): void {
    const { turns, publish, unpublished, logger } = this.#context;
    const failed = (error: unknown) => {
      logger.error("A message that was conflated could not be published", error);
      unpublished(message);
    };
    void turns.take(() => publish(message)?.catch(failed));
  }

  *#due({ subjects }: Rule, now: number): Generator<Subject> {
    for (const subject of subjects.values()) {
      if (subject.due > now) return;
      yield subject;
    }
  }

  #replace(subject: Subject, waiting: Message | undefined): void {
    if (subject.waiting) this.#bytes -= sizeOf(subject.waiting);
    if (waiting) this.#bytes += sizeOf(waiting);
    subject.waiting = waiting;
  }
}

/** A copy to keep, into which nobody writes any more, and with nothing of its sender's session. */
function ownCopy({ payload, headers }: Message): Message {
  const kept = compact({ payload, headers: { messageType: "MESSAGE", ...publishedHeaders(headers) } });
  return {
    payload: kept.payload === payload ? new Uint8Array(payload) : kept.payload,
    headers: kept.headers,
  };
}

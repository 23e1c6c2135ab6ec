import { ConfigurationError } from "../errors.js";
import { isText, isTime, onlyKnown, wrongOption } from "../options/checks.js";
import {
  type AccessFunction,
  type Authorization,
  access,
  isAuthorization,
} from "../security/authorization.js";
import type { ControllerDecorator } from "./class-decorators.js";
import { classNameOfTarget, noteOfTarget, type Prototype } from "./decorator-target.js";
import type { DetachedNote } from "./detached-note.js";
import type { ExceptionType } from "./metadata.js";
import type { SendToUserNote } from "./reply-note.js";

/** Stands above a method that is not static. */
export type HandlerDecorator = <M extends (...args: never) => unknown>(
  prototype: Prototype,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/** Options of `@SendToUser`. */
export interface SendToUserOptions {
  /** `false`: only the session whose message it was, not all sessions of its user. Default `true`. */
  broadcast?: boolean;
}

/**
 * Maps SEND to a method. Patterns may have `{variables}`, `?`, `*` and `**`;
 * those above the class, if any, stand before those of each method.
 *
 * @example
 * ```ts
 * @Controller()
 * @MessageMapping("/rooms/{room}")
 * class Rooms {
 *   @MessageMapping("/messages") // SEND to /app/rooms/tea/messages
 *   say(@DestinationVariable("room") room: string, @Payload() text: string) {}
 * }
 * ```
 */
export function MessageMapping(...patterns: string[]): ControllerDecorator & HandlerDecorator {
  return notes("@MessageMapping", "messageMapping", texts("@MessageMapping", patterns));
}

/**
 * Maps SUBSCRIBE to a method. Its return value is sent to the one who
 * subscribed, once, unless `@SendTo` or `@SendToUser` says otherwise.
 *
 * @example
 * ```ts
 * class Prices {
 *   @SubscribeMapping("/prices/{symbol}") // SUBSCRIBE to /app/prices/ACME
 *   price(@DestinationVariable("symbol") symbol: string) {
 *     return { symbol, price: 42 };
 *   }
 * }
 * ```
 */
export function SubscribeMapping(...patterns: string[]): HandlerDecorator {
  return onMethods(
    "@SubscribeMapping",
    notes("@SubscribeMapping", "subscribeMapping", texts("@SubscribeMapping", patterns)),
  );
}

/**
 * Names where a return value is sent, in place of `/topic` and the destination
 * without its prefix. `{name}` stands for a variable of the mapping's pattern.
 *
 * Above a class it counts for all methods, exception handlers and
 * `@SubscribeMapping` among them, that name no destination by `@SendTo` or
 * `@SendToUser`: what a method names replaces both of its class, as in Spring.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/rooms/{room}")
 *   @SendTo("/topic/rooms/{room}")
 *   say(@Payload() text: string) {
 *     return text;
 *   }
 * }
 * ```
 */
export function SendTo(...destinations: string[]): ControllerDecorator & HandlerDecorator {
  return notes("@SendTo", "sendTo", replyDestinations("@SendTo", destinations));
}

/**
 * Sends a return value to the user whose message it was: where they subscribed
 * to `/user` and one of these, by default `/queue` and the destination without
 * its prefix. A stranger's own session stands in for the user. Together with
 * `@SendTo` on the same method, or on the same class, the user is first.
 *
 * Above a class it counts as `@SendTo` does. On a method below a class's
 * `@SendTo("/topic/…")` it has to name a destination, or the class's counts,
 * as in Spring.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageExceptionHandler()
 *   @SendToUser("/queue/errors")
 *   failed(error: Error) {
 *     return error.message;
 *   }
 * }
 * ```
 */
export function SendToUser(
  ...destinations: string[] | [...destinations: string[], options: SendToUserOptions]
): ControllerDecorator & HandlerDecorator {
  const last = destinations.at(-1);
  const options = typeof last === "object" && last !== null ? (last as SendToUserOptions) : undefined;
  const { broadcast = true, ...unknown } = options ?? {};
  if (typeof broadcast !== "boolean" || Object.keys(unknown).length > 0) {
    throw new ConfigurationError("@SendToUser has the one option broadcast, true or false");
  }
  return notes("@SendToUser", "sendToUser", {
    destinations: replyDestinations("@SendToUser", options ? destinations.slice(0, -1) : destinations),
    broadcast,
  });
}

/**
 * Names the users who may call a method, asked before its arguments are looked at;
 * above a class, those who may call its methods without a decorator of their own.
 * All others are refused with an `AccessDeniedError`, which an exception handler may take.
 *
 * @param authorization such as `hasRole("ADMIN")`, or a function that decides
 * @example
 * ```ts
 * class News {
 *   @MessageMapping("/news")
 *   @Authorize(hasRole("EDITOR"))
 *   publish(@Payload() text: string) {
 *     return text;
 *   }
 * }
 * ```
 */
export function Authorize(
  authorization: Authorization | AccessFunction,
): ControllerDecorator & HandlerDecorator {
  const given = typeof authorization === "function" ? access(authorization) : authorization;
  if (!isAuthorization(given)) {
    throw new ConfigurationError('@Authorize takes hasRole("…") or its like, or a function');
  }
  return notes("@Authorize", "authorize", given);
}

/** Options of `@Detached`. */
export interface DetachedOptions {
  /**
   * The name of the stream, of which there is one at a time on this server: text with `{variables}` of
   * the mapping. Whoever sends with a key whose stream runs has joined it.
   */
  key: string;
  /** Milliseconds until it is ended. @default 300000 */
  timeout?: number;
}

const DETACHED = { key: true, timeout: true } satisfies Record<keyof DetachedOptions, true>;

/**
 * Lets the async iterable that a method returns outlive the session that asked
 * for it: a page that is loaded again, with `history` on the destination,
 * subscribes with `since:first` and has all of it once. It ends by itself, by
 * its `timeout`, by `messaging.abort(key)`, and when messaging is closed; then its `AbortSignal` is aborted. A
 * last, empty MESSAGE has the header `stream`: `end`, or `error` and the public text as its body.
 *
 * @example
 * ```ts
 * class Answers {
 *   @MessageMapping("/answers/{id}")
 *   @SendTo("/topic/answers/{id}")
 *   @Detached({ key: "answer {id}", timeout: 120_000 })
 *   async *answer(@Payload() question: string, signal: AbortSignal) {
 *     for (const word of question.split(" ")) if (!signal.aborted) yield word;
 *   }
 * }
 * ```
 */
export function Detached(options: DetachedOptions): HandlerDecorator {
  onlyKnown("@Detached", options, Object.keys(DETACHED));
  const { key, timeout = 300_000 } = options;
  if (!isText(key)) throw wrongOption("@Detached", "key", 'a text such as "answer {id}"', key);
  if (!isTime(timeout, 1)) throw wrongOption("@Detached", "timeout", "a whole number of ms from 1", timeout);
  return onMethods("@Detached", notes("@Detached", "detached", { key, timeout }));
}

/**
 * Maps what methods throw to this one, whose first undecorated parameter is
 * the error: of the methods of this class, or in a `@ControllerAdvice()` of
 * all. The closest class of the error wins, then that of its direct cause.
 *
 * @param types by default the class of the parameter that is an error; when
 *   there is none, it takes what no other handler takes
 * @example
 * ```ts
 * class Orders {
 *   @MessageExceptionHandler(MethodArgumentNotValidError)
 *   @SendToUser("/queue/errors", { broadcast: false })
 *   invalid(error: MethodArgumentNotValidError) {
 *     return error.issues; // [{ path: ["count"], message: "…" }]
 *   }
 * }
 * ```
 */
export function MessageExceptionHandler(...types: ExceptionType[]): HandlerDecorator {
  for (const type of types) {
    if (typeof type !== "function") {
      throw new ConfigurationError(
        `@MessageExceptionHandler takes classes of errors, not ${typeof type}` +
          (type === undefined ? " (do its modules import each other in a circle?)" : ""),
      );
    }
  }
  return onMethods("@MessageExceptionHandler", notes("@MessageExceptionHandler", "exceptionTypes", types));
}

interface Noted {
  messageMapping: readonly string[];
  subscribeMapping: readonly string[];
  sendTo: readonly string[];
  sendToUser: SendToUserNote;
  authorize: Authorization;
  detached: DetachedNote;
  exceptionTypes: readonly ExceptionType[];
}

/** Why a second decorator of the same name is not needed: one takes several. */
const SEVERAL: Readonly<Record<keyof Noted, string>> = {
  messageMapping: "one takes several destinations",
  subscribeMapping: "one takes several destinations",
  sendTo: "one takes several destinations",
  sendToUser: "one takes several destinations",
  authorize: "one function can ask for several things",
  detached: "a stream has one key",
  exceptionTypes: "one takes several types",
};

/** A decorator that notes something, once. */
function notes<F extends keyof Noted>(decorator: string, field: F, value: Noted[F]) {
  return (target: object, ...method: unknown[]): void => {
    const note: Partial<Noted> = noteOfTarget(decorator, target, method);
    if (note[field]) {
      const where = typeof target === "function" ? target.name : `a method of ${classNameOfTarget(target)}`;
      throw new ConfigurationError(`${decorator} stands twice on ${where}: ${SEVERAL[field]}`);
    }
    note[field] = value;
  };
}

function onMethods(decorator: string, note: ReturnType<typeof notes>): HandlerDecorator {
  return (target: object, ...method: unknown[]) => {
    if (method.length === 0) throw new ConfigurationError(`${decorator} stands above methods only`);
    note(target, ...method);
  };
}

function texts(decorator: string, destinations: readonly unknown[]): readonly string[] {
  for (const destination of destinations) {
    if (typeof destination !== "string") {
      throw new ConfigurationError(
        `${decorator} takes destinations as text, not ${typeof destination}: write ${decorator}("/…")`,
      );
    }
  }
  return destinations as readonly string[];
}

function replyDestinations(decorator: string, given: readonly unknown[]): readonly string[] {
  const destinations = texts(decorator, given);
  if (destinations.includes("")) {
    throw new ConfigurationError(
      `${decorator} has an empty destination: for the default write ${decorator}()`,
    );
  }
  return destinations;
}

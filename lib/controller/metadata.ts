import "reflect-metadata";
import { ConfigurationError } from "../errors.js";
import type { PayloadTarget } from "../message/converter.js";
import type { Message } from "../message/message.js";
import type { StandardSchema } from "../message/standard-schema.js";
import type { Authorization } from "../security/authorization.js";
import type { ControllerSessions } from "./controller-sessions.js";
import type { ControllerSource } from "./controller-source.js";
import { checkDetached, type DetachedNote } from "./detached-note.js";
import { type ReplyDecorators, type ReplyNote, replyNote } from "./reply-note.js";

/** The note of a parameter decorator about an argument. */
export type ArgumentNote =
  | { readonly kind: "payload"; readonly required: boolean; readonly schema?: StandardSchema | undefined }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly required: boolean;
      readonly defaultValue: unknown;
    }
  | { readonly kind: "destinationVariable"; readonly name: string }
  | { readonly kind: "headers" | "principal" | "message" | "exception" | "signal" };

/** The class of an error that is thrown. */
export type ExceptionType = abstract new (...args: never) => unknown;

/** The notes of the decorators of one method, or of a class. */
export interface Note extends ReplyDecorators {
  messageMapping?: readonly string[];
  subscribeMapping?: readonly string[];
  authorize?: Authorization;
  detached?: DetachedNote;
  exceptionTypes?: readonly ExceptionType[];
  readonly arguments: Map<number, ArgumentNote>;
}

export type MethodKey = string | symbol;

/** The command a method is mapped to, as the message it becomes. */
export type MappingType = "MESSAGE" | "SUBSCRIBE";

export interface Parameter {
  readonly note: ArgumentNote | undefined;
  /** The class the compiler noted; `undefined` where it emits no metadata. */
  readonly type: PayloadTarget;
}

/** A method of a controller, as decorated. */
interface AnnotatedMethod extends ReplyNote {
  /** `Class.method`, for errors and logs. */
  readonly name: string;
  readonly controllerClass: abstract new (...args: never) => unknown;
  readonly key: MethodKey;
  readonly parameters: readonly Parameter[];
  /** How the method is written, for errors. */
  readonly source: string;
  /** Calls it on the controller that the message is for. */
  readonly invoke: (args: unknown[], message: Message, sessions: ControllerSessions) => unknown;
}

/** A method under one mapping decorator. */
export interface MappedMethod extends AnnotatedMethod {
  readonly type: MappingType;
  /** The method's own, else the class's; `undefined` when neither has `@Authorize`. */
  readonly authorize: Authorization | undefined;
  /** Set if what it returns outlives its session. */
  readonly detached: DetachedNote | undefined;
  readonly classPatterns: readonly string[];
  readonly methodPatterns: readonly string[];
}

/** A method that takes what others throw. */
export interface ExceptionMethod extends AnnotatedMethod {
  readonly type: "EXCEPTION";
  /** Empty when it takes anything. */
  readonly exceptionTypes: readonly ExceptionType[];
}

/** By prototype, then by method. A decorator above the class is noted under `constructor`. */
const notes = new WeakMap<object, Map<MethodKey, Note>>();

/** The note of a method, or of the class under `constructor`, for a decorator to write on. */
export function noteOf(prototype: object, key: MethodKey): Note {
  const methods = notes.get(prototype) ?? new Map<MethodKey, Note>();
  notes.set(prototype, methods);

  const note = methods.get(key) ?? { arguments: new Map<number, ArgumentNote>() };
  methods.set(key, note);
  return note;
}

/** Reads what decorators noted about a controller's methods, inherited ones included; an override keeps them. */
export function annotatedMethods(source: ControllerSource): (MappedMethod | ExceptionMethod)[] {
  const { exemplar, name: className } = source;
  const chain = prototypesOf(exemplar);
  const keys = new Set(chain.flatMap((prototype) => [...(notes.get(prototype)?.keys() ?? [])]));
  keys.delete("constructor");

  const classNotes = notesAlong(chain, "constructor");
  const methods: (MappedMethod | ExceptionMethod)[] = [];
  for (const key of keys) {
    const methodNotes = notesAlong(chain, key);
    const name = `${className}.${String(key)}`;
    const method: unknown = Reflect.get(exemplar, key);
    if (typeof method !== "function") throw new ConfigurationError(`${name} is no method any more`);

    const common: AnnotatedMethod = {
      name,
      controllerClass: exemplar.constructor as AnnotatedMethod["controllerClass"],
      key,
      ...replyNote(methodNotes, classNotes),
      parameters: parametersOf(exemplar, key, method.length, methodNotes),
      source: String(method),
      invoke: (args, message, sessions) => {
        const controller = source.controllerFor(message, sessions);
        return Reflect.apply(Reflect.get(controller, key) as () => unknown, controller, args);
      },
    };
    const classPatterns = nearest(classNotes, "messageMapping") ?? [];
    const messageMapping = nearest(methodNotes, "messageMapping");
    const subscribeMapping = nearest(methodNotes, "subscribeMapping");
    const exceptionTypes = nearest(methodNotes, "exceptionTypes");
    const authorize = nearest(methodNotes, "authorize") ?? nearest(classNotes, "authorize");
    const detached = nearest(methodNotes, "detached");
    if (detached)
      checkDetached(name, { ...common, isMapped: messageMapping !== undefined, subscribeMapping });
    const mapped = { ...common, authorize, detached, classPatterns };
    if (messageMapping) methods.push({ ...mapped, type: "MESSAGE", methodPatterns: messageMapping });
    if (subscribeMapping) methods.push({ ...mapped, type: "SUBSCRIBE", methodPatterns: subscribeMapping });
    if (exceptionTypes) {
      if (messageMapping || subscribeMapping) {
        throw new ConfigurationError(`${name} is mapped, and cannot handle exceptions too`);
      }
      if (nearest(methodNotes, "authorize")) {
        throw new ConfigurationError(
          `${name} has @Authorize, and gets only what methods throw: who may call those says @Authorize above them`,
        );
      }
      methods.push({ ...common, type: "EXCEPTION", exceptionTypes });
    } else if (!messageMapping && !subscribeMapping) {
      throw new ConfigurationError(
        `${name} is decorated and mapped to nothing: add @MessageMapping, @SubscribeMapping or @MessageExceptionHandler`,
      );
    }
  }
  return methods;
}

function parametersOf(
  exemplar: object,
  key: MethodKey,
  length: number,
  methodNotes: readonly Note[],
): Parameter[] {
  const types = (Reflect.getMetadata("design:paramtypes", exemplar, key) ?? []) as PayloadTarget[];
  const noted = methodNotes.flatMap((note) => [...note.arguments.keys()]);
  const count = Math.max(length, types.length, ...noted.map((index) => index + 1));

  return Array.from({ length: count }, (_, index) => ({
    note: methodNotes.find((note) => note.arguments.has(index))?.arguments.get(index),
    type: types[index],
  }));
}

/** Nearest first. */
function prototypesOf(exemplar: object): object[] {
  const chain: object[] = [];
  for (let link: object | null = exemplar; link; link = Reflect.getPrototypeOf(link)) chain.push(link);
  return chain;
}

function notesAlong(chain: readonly object[], key: MethodKey): Note[] {
  return chain.flatMap((prototype) => notes.get(prototype)?.get(key) ?? []);
}

function nearest<F extends Exclude<keyof Note, "arguments">>(
  along: readonly Note[],
  field: F,
): Note[F] | undefined {
  return along.find((note) => note[field] !== undefined)?.[field];
}

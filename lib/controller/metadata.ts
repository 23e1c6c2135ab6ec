import "reflect-metadata";
import { ConfigurationError } from "../errors.js";
import type { PayloadTarget } from "../message/converter.js";

/** What a parameter decorator says about an argument. */
export type ArgumentNote =
  | { readonly kind: "payload"; readonly required: boolean }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly required: boolean;
      readonly defaultValue: unknown;
    }
  | { readonly kind: "destinationVariable"; readonly name: string }
  | { readonly kind: "headers" | "principal" | "message" };

/** What the decorators of one method, or of a class, say. */
interface Note {
  messageMapping?: readonly string[];
  subscribeMapping?: readonly string[];
  sendTo?: readonly string[];
  readonly arguments: Map<number, ArgumentNote>;
}

type MethodKey = string | symbol;

/** The command a method is mapped to, as the message it becomes. */
export type MappingType = "MESSAGE" | "SUBSCRIBE";

export interface Parameter {
  readonly note: ArgumentNote | undefined;
  /** The class the compiler noted; `undefined` where it emits no metadata. */
  readonly type: PayloadTarget;
}

/** One method of a controller under one mapping decorator, as written. */
export interface MappedMethod {
  /** `Class.method`, for errors and logs. */
  readonly name: string;
  readonly type: MappingType;
  readonly classPatterns: readonly string[];
  readonly methodPatterns: readonly string[];
  /** The method's own, else the class's; `undefined` when neither has `@SendTo`. */
  readonly sendTo: readonly string[] | undefined;
  readonly parameters: readonly Parameter[];
  readonly invoke: (args: unknown[]) => unknown;
}

/** By prototype, then by method. What stands above the class is noted under `constructor`. */
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
export function mappedMethods(controller: object): MappedMethod[] {
  const chain = prototypesOf(controller);
  const keys = new Set(chain.flatMap((prototype) => [...(notes.get(prototype)?.keys() ?? [])]));
  keys.delete("constructor");

  const classNotes = notesAlong(chain, "constructor");
  const className = classNameOf(controller);
  const methods: MappedMethod[] = [];
  for (const key of keys) {
    const methodNotes = notesAlong(chain, key);
    const name = `${className}.${String(key)}`;
    const method: unknown = Reflect.get(controller, key);
    if (typeof method !== "function") throw new ConfigurationError(`${name} is no method any more`);

    const common = {
      name,
      classPatterns: nearest(classNotes, "messageMapping") ?? [],
      sendTo: sendToOf(nearest(methodNotes, "sendTo"), nearest(classNotes, "sendTo")),
      parameters: parametersOf(controller, key, method.length, methodNotes),
      invoke: (args: unknown[]) => Reflect.apply(method, controller, args) as unknown,
    };
    const messageMapping = nearest(methodNotes, "messageMapping");
    const subscribeMapping = nearest(methodNotes, "subscribeMapping");
    if (messageMapping) methods.push({ ...common, type: "MESSAGE", methodPatterns: messageMapping });
    if (subscribeMapping) methods.push({ ...common, type: "SUBSCRIBE", methodPatterns: subscribeMapping });
    if (!messageMapping && !subscribeMapping) {
      throw new ConfigurationError(
        `${name} is decorated and mapped to nothing: add @MessageMapping or @SubscribeMapping`,
      );
    }
  }
  return methods;
}

/** The name of a controller's class, for errors and logs. */
export function classNameOf(controller: object): string {
  return controller.constructor?.name || "(anonymous class)";
}

/** An empty `@SendTo()` on a method takes the class's destinations, as Spring does. */
function sendToOf(ofMethod: readonly string[] | undefined, ofClass: readonly string[] | undefined) {
  return ofMethod?.length ? ofMethod : (ofClass ?? ofMethod);
}

function parametersOf(
  controller: object,
  key: MethodKey,
  length: number,
  methodNotes: readonly Note[],
): Parameter[] {
  const types = (Reflect.getMetadata("design:paramtypes", controller, key) ?? []) as PayloadTarget[];
  const noted = methodNotes.flatMap((note) => [...note.arguments.keys()]);
  const count = Math.max(length, types.length, ...noted.map((index) => index + 1));

  return Array.from({ length: count }, (_, index) => ({
    note: methodNotes.find((note) => note.arguments.has(index))?.arguments.get(index),
    type: types[index],
  }));
}

/** Nearest first. */
function prototypesOf(controller: object): object[] {
  const chain: object[] = [];
  let prototype: object | null = Reflect.getPrototypeOf(controller);
  while (prototype) {
    chain.push(prototype);
    prototype = Reflect.getPrototypeOf(prototype);
  }
  return chain;
}

function notesAlong(chain: readonly object[], key: MethodKey): Note[] {
  return chain.flatMap((prototype) => notes.get(prototype)?.get(key) ?? []);
}

function nearest<F extends "messageMapping" | "subscribeMapping" | "sendTo">(
  along: readonly Note[],
  field: F,
) {
  return along.find((note) => note[field] !== undefined)?.[field];
}

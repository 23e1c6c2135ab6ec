import type { StandardSchema } from "../message/standard-schema.js";
import type { Authorization } from "../security/authorization.js";
import { type ArgumentTools, argumentNotes } from "./arguments.js";
import { isAdvice } from "./class-decorators.js";
import type { DetachedNote } from "./detached-note.js";
import { typesOf } from "./exception-handlers.js";
import { clientHeader } from "./header-argument.js";
import type { ExceptionMethod, ExceptionType, MappedMethod, Parameter } from "./metadata.js";
import { DEFAULT_REPLIES } from "./reply.js";

/** The class that the compiler noted for a parameter; `undefined` where it says nothing. */
type ParameterClass = Parameter["type"];

/** A payload that a method takes. */
export interface PayloadDescription {
  readonly required: boolean;
  /** The method's own, else the contract's. */
  readonly schema: StandardSchema | undefined;
  readonly type: ParameterClass;
}

/** A header of clients that a method reads. */
export interface HeaderDescription {
  readonly name: string;
  readonly required: boolean;
  /** Stands in where the header is missing. */
  readonly defaultValue: unknown;
  readonly type: ParameterClass;
}

/** A variable of its destinations that a method reads. */
export interface VariableDescription {
  readonly name: string;
  readonly type: ParameterClass;
}

/** A destination of what a method returns, as clients subscribe to it. */
export interface ReplyDescription {
  /** May have the `{variables}` of the mapping; `undefined` where it depends on which message an exception handler is called for. */
  readonly destination: string | undefined;
  /** Those who hear it: all who have subscribed, all sessions of the user whose message it was, that session, or the one subscription that asked. */
  readonly to: "subscribers" | "user" | "session" | "subscription";
  /** Whether no decorator says so: nothing is sent by a method that returns nothing. */
  readonly isDefault: boolean;
}

/** A destination that a method is mapped to. */
export interface MappingDescription {
  /** The pattern behind a prefix of the application, as clients write it. */
  readonly destination: string;
  readonly replies: readonly ReplyDescription[];
}

/** A method of a controller: which messages it gets, and where its answers go. */
export interface MethodDescription {
  /** `Class.method`. */
  readonly name: string;
  /** `MESSAGE`: a SEND; `EXCEPTION`: what others throw. */
  readonly type: "MESSAGE" | "SUBSCRIBE" | "EXCEPTION";
  readonly controllerClass: abstract new (...args: never) => unknown;
  /** Of an exception handler: whether it takes what methods of all controllers throw, not only those of its class. */
  readonly isAdvice: boolean;
  /** One for each prefix and pattern; none of an exception handler. */
  readonly mappings: readonly MappingDescription[];
  /** Of an exception handler, where it answers. */
  readonly replies: readonly ReplyDescription[];
  /** Of an exception handler; empty when it takes whatever others do not. */
  readonly exceptionTypes: readonly ExceptionType[];
  readonly payload: PayloadDescription | undefined;
  readonly headers: readonly HeaderDescription[];
  readonly variables: readonly VariableDescription[];
  /** The places of parameters, from 0, that a resolver of the application gives. */
  readonly resolvedParameters: readonly number[];
  /** The users who may call it, besides what `security` says. */
  readonly authorize: Authorization | undefined;
  /** Set if what it returns is a stream that outlives its session. */
  readonly detached: DetachedNote | undefined;
}

/** The surroundings of a method that its description needs. */
export interface DescriptionPlace {
  readonly tools: ArgumentTools;
  readonly applicationDestinationPrefixes: readonly string[];
  /** With its closing slash. */
  readonly userDestinationPrefix: string;
}

/** @param patterns the method is mapped to, behind the prefixes */
export function describeMethod(
  method: MappedMethod | ExceptionMethod,
  patterns: readonly string[],
  { tools, applicationDestinationPrefixes, userDestinationPrefix }: DescriptionPlace,
): MethodDescription {
  const { name, type, controllerClass, parameters } = method;
  const notes = argumentNotes(method, tools);
  const noted = parameters.flatMap(({ type: parameterClass }, index) => {
    const note = notes[index];
    return note ? [{ note, type: parameterClass }] : [];
  });
  const payload = noted.flatMap(({ note, type: parameterClass }) =>
    note.kind === "payload"
      ? { required: note.required, schema: note.schema ?? tools.payloadSchema, type: parameterClass }
      : [],
  )[0];
  const isMapped = method.type !== "EXCEPTION";
  const prefixes = applicationDestinationPrefixes.length > 0 ? applicationDestinationPrefixes : [""];
  return {
    name,
    type,
    controllerClass,
    isAdvice: isAdvice(controllerClass),
    mappings: prefixes.flatMap((prefix) =>
      patterns.map((pattern) => {
        const destination = joined(prefix, pattern);
        return { destination, replies: repliesOf(method, userDestinationPrefix, { destination, pattern }) };
      }),
    ),
    replies: isMapped ? [] : repliesOf(method, userDestinationPrefix),
    exceptionTypes: isMapped ? [] : typesOf(method),
    payload,
    headers: noted.flatMap(({ note, type: parameterClass }) => {
      const header = note.kind === "header" ? clientHeader(note.name) : undefined;
      if (note.kind !== "header" || header === undefined) return [];
      const { defaultValue } = note;
      const required = note.required && defaultValue === undefined;
      return { name: header, required, defaultValue, type: parameterClass };
    }),
    variables: noted.flatMap(({ note, type: parameterClass }) =>
      note.kind === "destinationVariable" ? { name: note.name, type: parameterClass } : [],
    ),
    resolvedParameters: notes.flatMap((note, index) => (note?.kind === "resolver" ? index : [])),
    authorize: isMapped ? method.authorize : undefined,
    detached: isMapped ? method.detached : undefined,
  };
}

/** A prefix ends with a slash in any case; where dots separate, what is behind it has none. */
function joined(prefix: string, pattern: string): string {
  if (prefix === "") return pattern;
  return `${prefix.replace(/\/$/, "")}/${pattern.replace(/^\//, "")}`;
}

function repliesOf(
  { type, sendTo, sendToUser }: MappedMethod | ExceptionMethod,
  userDestinationPrefix: string,
  mapping?: { readonly destination: string; readonly pattern: string },
): ReplyDescription[] {
  if (type === "SUBSCRIBE" && !sendTo && !sendToUser && mapping) {
    return [{ destination: mapping.destination, to: "subscription", isDefault: false }];
  }
  const destinations = (named: readonly string[], prefix: string): (string | undefined)[] =>
    named.length > 0 ? [...named] : [mapping && joined(prefix, mapping.pattern)];
  const userPrefix = userDestinationPrefix.slice(0, -1);
  return [
    ...(sendToUser
      ? destinations(sendToUser.destinations, DEFAULT_REPLIES.user).map((destination) => ({
          destination: destination === undefined ? undefined : joined(userPrefix, destination),
          to: sendToUser.broadcast ? ("user" as const) : ("session" as const),
          isDefault: false,
        }))
      : []),
    ...(sendTo || !sendToUser
      ? destinations(sendTo ?? [], DEFAULT_REPLIES.subscribers).map((destination) => ({
          destination,
          to: "subscribers" as const,
          isDefault: sendTo === undefined,
        }))
      : []),
  ];
}

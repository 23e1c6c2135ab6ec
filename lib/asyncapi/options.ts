import { ConfigurationError, type StandardSchema } from "../index.js";
import type { JsonSchema } from "./document.js";
import type { SchemaAdapter } from "./payload-schema.js";

/** The part of a document that the application's options and decorators do not know. */
export interface AsyncApiInfo {
  readonly title: string;
  /** Of the application. */
  readonly version: string;
  readonly description?: string;
  readonly termsOfService?: string;
  readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string };
  readonly license?: { readonly name: string; readonly url?: string };
  /** The host, and the port if it has one, where clients connect. Default: `localhost`, with a warning. */
  readonly host?: string;
  /** The path below which the middleware is mounted, `/api` for `app.use("/api", messaging)`. Default: none. */
  readonly mountPath?: string;
  /**
   * The payloads of what is heard, by destination as a client subscribes to it: of what only the template sends, and of the
   * replies of methods. What the option `contract` says is not said here again.
   */
  readonly messages?: Readonly<Record<string, StandardSchema | { readonly "~standard": unknown }>>;
  /**
   * Makes schemas that have Standard JSON Schema of those that have not: for valibot `toStandardJsonSchema` of
   * `@valibot/to-json-schema`. So a contract that browsers load need not know of it. Default: such schemas are not described, with a warning.
   */
  readonly toStandardJsonSchema?: SchemaAdapter;
  /** The application's own ways to log in, as AsyncAPI's Security Scheme Objects, by names. `bearerToken` is known without. */
  readonly securitySchemes?: Readonly<Record<string, JsonSchema>>;
}

const KNOWN = {
  title: true,
  version: true,
  description: true,
  termsOfService: true,
  contact: true,
  license: true,
  host: true,
  mountPath: true,
  messages: true,
  securitySchemes: true,
  toStandardJsonSchema: true,
} satisfies Record<keyof AsyncApiInfo, true>;

/** @throws ConfigurationError that names the field at fault */
export function checkInfo(info: AsyncApiInfo): void {
  const unknown = Object.keys(info).find((name) => !(name in KNOWN));
  if (unknown !== undefined) {
    throw new ConfigurationError(
      `asyncApi has no ${JSON.stringify(unknown)}: there are ${Object.keys(KNOWN).join(", ")}`,
    );
  }
  for (const name of ["title", "version"] as const) {
    if (typeof info[name] !== "string" || info[name] === "") {
      throw new ConfigurationError(`asyncApi: ${name} is ${JSON.stringify(info[name])}: it must be a text`);
    }
  }
  const { host, mountPath, messages = {}, toStandardJsonSchema = () => undefined } = info;
  if (typeof toStandardJsonSchema !== "function") {
    throw new ConfigurationError(
      `asyncApi: toStandardJsonSchema is ${JSON.stringify(toStandardJsonSchema)}: it is a function of a schema`,
    );
  }
  if (host !== undefined && !/^[^\s/]+$/.test(host)) {
    throw new ConfigurationError(
      `asyncApi: host is ${JSON.stringify(host)}: it is a name, and a port if there is one, such as "chat.example:8080"`,
    );
  }
  if (mountPath !== undefined && !mountPath.startsWith("/")) {
    throw new ConfigurationError(
      `asyncApi: mountPath is ${JSON.stringify(mountPath)}: it begins with a slash, as in app.use("/api", messaging)`,
    );
  }
  for (const [destination, schema] of Object.entries(messages) as [string, unknown][]) {
    const isObject = (typeof schema === "object" && schema !== null) || typeof schema === "function";
    if (isObject && "~standard" in schema) continue;
    throw new ConfigurationError(`asyncApi: messages has for ${destination} what is no Standard Schema`);
  }
}

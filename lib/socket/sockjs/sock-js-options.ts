import { ConfigurationError } from "../../errors.js";

/** Spring's SockJS options, with Spring's defaults. */
export interface SockJSOptions {
  /** How often an open connection is sent a sign of life, in ms. Default 25,000. */
  readonly heartbeatTime?: number | undefined;
  /** How long a session lives without a connection to send on, in ms. Default 5,000. */
  readonly disconnectDelay?: number | undefined;
  /** Bytes after which a streaming response ends, so that the client frees its memory. Default 131,072. */
  readonly streamBytesLimit?: number | undefined;
  /** What `/info` tells clients: whether a cookie keeps them on one server behind a load balancer. Default true. */
  readonly sessionCookieNeeded?: boolean | undefined;
  /** Serves WebSocket below the endpoint's path, for SockJS clients. Default true. */
  readonly webSocketEnabled?: boolean | undefined;
}

export type SockJSSettings = { readonly [Name in keyof SockJSOptions]-?: NonNullable<SockJSOptions[Name]> };

const DEFAULTS: SockJSSettings = {
  heartbeatTime: 25_000,
  disconnectDelay: 5_000,
  streamBytesLimit: 131_072,
  sessionCookieNeeded: true,
  webSocketEnabled: true,
};
/** What setTimeout can count. */
const MAX_NUMBER = 2 ** 31 - 1;

/** The options with their defaults, or `undefined` when SockJS is off. */
export function sockJSSettings(options: boolean | SockJSOptions | undefined): SockJSSettings | undefined {
  if (options === undefined || options === false) return undefined;
  if (options === true) return DEFAULTS;
  if (typeof options !== "object" || options === null) {
    throw new ConfigurationError("sockJS must be true, false or an object of options");
  }

  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) check(name, value);
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}

/**
 * Bytes of one SockJS request or framed message: a STOMP frame grows up to threefold as JSON (clients escape
 * emoji), and one request may carry several.
 */
export function sockJSBodyLimit(messageSizeLimit: number): number {
  return 4 * messageSizeLimit + 1024;
}

function check(name: string, value: unknown): void {
  if (!Object.hasOwn(DEFAULTS, name)) {
    throw new ConfigurationError(
      `sockJS.${name} is no option; there are ${Object.keys(DEFAULTS).join(", ")}`,
    );
  }

  const wanted = typeof DEFAULTS[name as keyof SockJSSettings];
  if (wanted === "boolean") {
    if (typeof value !== "boolean") throw new ConfigurationError(`sockJS.${name} must be true or false`);
  } else if (!Number.isInteger(value) || (value as number) <= 0 || (value as number) > MAX_NUMBER) {
    throw new ConfigurationError(`sockJS.${name} must be a positive integer, not ${String(value)}`);
  }
}

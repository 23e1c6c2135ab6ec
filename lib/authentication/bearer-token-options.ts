import { ConfigurationError } from "../errors.js";
import type { Principal } from "../message/message.js";
import { flag, isTime, onlyKnown } from "../options/checks.js";

/** The claims of a token; `exp` and `jti` as a JWT has them. */
export interface VerifiedToken {
  readonly user: Principal;
  /** When it expires, in seconds since 1970. Without, the session lasts as long as its connection. */
  readonly exp?: number | undefined;
  /** Its id, to revoke it by. */
  readonly jti?: string | undefined;
}

/** How clients bring a new token while they are connected. */
export interface TokenRenewalOptions {
  /** Where they SEND it to, in the header `Authorization` again: `/app/token`. */
  readonly destination: string;
  /** How long before a token expires its client is asked for another, in ms. Default 60,000; 0 is never. */
  readonly ahead?: number | undefined;
  /** Where it is asked: `/queue/token` is `/user/queue/token` for the client. Default `/queue/token`. */
  readonly noticeDestination?: string | undefined;
}

/** Options of `bearerToken`. */
export interface BearerTokenOptions {
  /** Tells who has a token; throws when it is not good. */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>;
  /** Whether CONNECT without a token is refused; else it goes on as whoever the handshake says. Default true. */
  readonly required?: boolean | undefined;
  /** How long a token is good after it has expired, in ms. Default 0. */
  readonly clockTolerance?: number | undefined;
  /** How long `verify` may take, in ms. Default 10,000. */
  readonly verifyTimeout?: number | undefined;
  /** Default: none, and a session ends with its token. */
  readonly renewal?: TokenRenewalOptions | undefined;
}

export interface BearerTokenSettings {
  readonly verify: (token: string) => VerifiedToken | Promise<VerifiedToken>;
  readonly required: boolean;
  readonly clockTolerance: number;
  readonly verifyTimeout: number;
  readonly renewal:
    | Required<{ [K in keyof TokenRenewalOptions]: NonNullable<TokenRenewalOptions[K]> }>
    | undefined;
}

/** @throws ConfigurationError that names the option at fault */
export function bearerTokenSettings(options: BearerTokenOptions): BearerTokenSettings {
  onlyKnown("bearerToken", options, ["verify", "required", "clockTolerance", "verifyTimeout", "renewal"]);
  const { clockTolerance = 0, verifyTimeout = 10_000, renewal } = options;
  if (typeof options.verify !== "function") {
    throw new ConfigurationError("bearerToken needs verify(token), which returns the user or throws");
  }
  checkTime("clockTolerance", clockTolerance, 0);
  checkTime("verifyTimeout", verifyTimeout, 1);
  return {
    verify: (token) => options.verify(token),
    required: flag("bearerToken.required", options.required, true),
    clockTolerance,
    verifyTimeout,
    renewal: renewal && renewalSettings(renewal),
  };
}

function renewalSettings(options: TokenRenewalOptions): NonNullable<BearerTokenSettings["renewal"]> {
  onlyKnown("bearerToken.renewal", options, ["destination", "ahead", "noticeDestination"]);
  const { destination, ahead = 60_000, noticeDestination = "/queue/token" } = options;
  checkDestination("renewal.destination", destination);
  checkDestination("renewal.noticeDestination", noticeDestination);
  checkTime("renewal.ahead", ahead, 0);
  return { destination, ahead, noticeDestination };
}

function checkDestination(name: string, given: unknown): void {
  if (typeof given === "string" && given.startsWith("/")) return;
  throw new ConfigurationError(
    `bearerToken.${name} is ${JSON.stringify(given)}: it must be a destination such as "/app/token"`,
  );
}

function checkTime(name: string, given: unknown, least: number): void {
  if (isTime(given, least)) return;
  throw new ConfigurationError(`bearerToken.${name} is ${String(given)}: it must be a whole number of ms`);
}

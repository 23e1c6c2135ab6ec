import type { StandardSchema } from "../message/standard-schema.js";

/** A question to a client. */
export interface ClientRequestOptions<A = unknown> {
  /** Milliseconds until it has failed. @default 10000 */
  readonly timeout?: number | undefined;
  /** The one session of the user that is asked. @default all that subscribed: the first answer counts */
  readonly sessionId?: string | undefined;
  /** Ends the waiting: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** More headers for the client to find in MESSAGE. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Any Standard Schema: the answer is what it makes of it. */
  readonly schema?: StandardSchema<A> | undefined;
}

/** Asks clients, for `template.request`. */
export interface ClientAsker {
  request(
    name: string,
    destination: string,
    payload: unknown,
    options?: ClientRequestOptions,
  ): Promise<unknown>;
}

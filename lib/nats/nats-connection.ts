/** A connection of `@nats-io/transport-node`, or of another transport of nats.js 3, as `connect` gives it. */
export interface NatsConnection {
  readonly info?: { readonly max_payload: number; readonly jetstream?: boolean } | undefined;
  publish(subject: string, payload: Uint8Array): void;
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: { readonly data: Uint8Array }) => void },
  ): { unsubscribe(): void };
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  reconnect(): Promise<void>;
  isClosed(): boolean;
}

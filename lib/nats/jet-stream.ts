/** A message that a consumer is given. */
export interface ConsumedMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timestampNanos: bigint;
}

/** Messages that a consumer is given, one after the other. */
export interface ConsumedMessages extends AsyncIterable<ConsumedMessage> {
  close(): Promise<unknown>;
}

/** The part of what NATS says about a stream that is needed. */
export interface StreamState {
  readonly created: string;
  readonly config: { readonly subjects?: string[] };
  readonly state: { readonly first_seq: number; readonly last_seq: number };
}

/** The part of the client that `jetstream(connection)` of `@nats-io/jetstream` gives. */
export interface JetStreamClient {
  publish(
    subject: string,
    payload: Uint8Array,
    options: { timeout: number },
  ): Promise<{ readonly seq: number }>;
  jetstreamManager(): Promise<{
    readonly streams: {
      info(stream: string): Promise<StreamState>;
      add(configuration: {
        name: string;
        subjects: string[];
        max_msgs: number;
        storage: "file" | "memory";
        num_replicas: number;
      }): Promise<unknown>;
      getMessage(
        stream: string,
        query: { seq: number } | { last_by_subj: string },
      ): Promise<{ readonly seq: number; readonly time: Date; readonly data: Uint8Array } | null>;
    };
  }>;
  readonly consumers: {
    get(
      stream: string,
      options: { deliver_policy: "by_start_sequence"; opt_start_seq: number },
    ): Promise<{
      consume(options: { max_messages: number }): Promise<ConsumedMessages>;
      fetch(options: { max_messages: number; expires: number }): Promise<ConsumedMessages>;
      delete(): Promise<unknown>;
    }>;
  };
}

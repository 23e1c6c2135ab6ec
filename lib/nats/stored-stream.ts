import { randomBytes } from "node:crypto";
import { ConfigurationError } from "../index.js";
import type { ConsumedMessage, ConsumedMessages, JetStreamClient, StreamState } from "./jet-stream.js";

/** Messages that wait here to be taken, at most. */
export const AHEAD = 64;
/** NATS has so many ms to answer. */
const TIMEOUT = 4_000;

export interface StoredStreamOptions {
  readonly jetStream: JetStreamClient;
  readonly stream: string;
  readonly subject: string;
  readonly maxLength: number;
  readonly replicas: number;
  readonly storage: "file" | "memory";
}

/** A stream as NATS stores it: what is published, the marks of epochs among that, and what is read. */
export class StoredStream {
  readonly #options: StoredStreamOptions;

  constructor(options: StoredStreamOptions) {
    this.#options = options;
  }

  /** Stores a message, and gives its number. */
  async publish(bytes: Uint8Array): Promise<number> {
    const { jetStream, subject } = this.#options;
    return (await jetStream.publish(subject, bytes, { timeout: TIMEOUT })).seq;
  }

  /** Lets another epoch begin here. */
  async mark(): Promise<void> {
    const { jetStream, subject } = this.#options;
    const mark = randomBytes(6).toString("base64url");
    await jetStream.publish(`${subject}.epoch`, Buffer.from(mark), { timeout: TIMEOUT });
  }

  /** The newest mark; `null` in the first epoch. */
  async newestMark(): Promise<{ readonly seq: number; readonly data: Uint8Array } | null> {
    const { jetStream, stream, subject } = this.#options;
    const { streams } = await jetStream.jetstreamManager();
    return streams.getMessage(stream, { last_by_subj: `${subject}.epoch` });
  }

  /** When a message was stored; `undefined` when it is not there. */
  async storedAt(seq: number): Promise<Date | undefined> {
    const { jetStream, stream } = this.#options;
    const { streams } = await jetStream.jetstreamManager();
    return (await streams.getMessage(stream, { seq }))?.time;
  }

  /** Gives what the stream is like; makes it if it is not there. */
  async state(): Promise<StreamState> {
    const { jetStream, stream, subject, maxLength, replicas, storage } = this.#options;
    const { streams } = await jetStream.jetstreamManager();
    const subjects = [subject, `${subject}.epoch`];
    const found = await streams.info(stream).catch(async (error: { name?: string }) => {
      if (error.name !== "StreamNotFoundError") throw error;
      const settings = { name: stream, subjects, max_msgs: maxLength, num_replicas: replicas, storage };
      const failure = await streams.add(settings).catch((refusal: unknown) => refusal);
      // Another server may have made it meanwhile, with other settings.
      return streams.info(stream).catch(() => {
        throw failure;
      });
    });
    const missing = subjects.filter((each) => !found.config.subjects?.includes(each));
    if (missing.length > 0)
      throw new ConfigurationError(
        `The stream ${stream} of NATS needs the subjects ${subjects.join(" and ")}; ${missing.join(" and ")} is missing`,
      );
    return found;
  }

  /** Begins to read with a message. */
  async consume(from: number): Promise<ConsumedMessages> {
    const consumer = await this.#consumerFrom(from);
    return consumer.consume({ max_messages: AHEAD });
  }

  /** Reads messages that are there. */
  async page(from: number, count: number): Promise<ConsumedMessage[]> {
    const consumer = await this.#consumerFrom(from);
    try {
      const found: ConsumedMessage[] = [];
      for await (const message of await consumer.fetch({ max_messages: count, expires: TIMEOUT / 2 }))
        found.push(message);
      return found;
    } finally {
      void consumer.delete().catch(() => {});
    }
  }

  #consumerFrom(number: number): ReturnType<JetStreamClient["consumers"]["get"]> {
    const { jetStream, stream } = this.#options;
    return jetStream.consumers.get(stream, { deliver_policy: "by_start_sequence", opt_start_seq: number });
  }
}

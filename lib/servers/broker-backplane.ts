import type { MessageHandler } from "../channel/message-handler.js";
import { BINARY } from "../message/content-type.js";
import { createMessage, type Message } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { saying } from "../message/reserved-headers.js";
import type { Backplane } from "./backplane.js";

/** A broker's MESSAGE has a head: its own headers, the mark, and the destination at most twice. */
const HEAD = 1024;

/** The part that is needed of the application's own connection to a broker that runs elsewhere. */
export interface ApplicationLine {
  readonly isAvailable: boolean;
  /** Subscribes for good. Rejects when the broker refuses, or is closed. */
  subscribe(
    destination: string,
    take: (message: Message) => void | Promise<void>,
    gaps: { lost(): void; resumed(): void; readonly isWaitedFor: true },
  ): Promise<unknown>;
}

export interface BrokerBackplaneOptions {
  readonly system: ApplicationLine;
  /** Takes what is sent to the broker. */
  readonly application: MessageHandler;
  readonly destination: string;
  /** Bytes of a frame that this server takes from the broker. */
  readonly messageSizeLimit: number;
  /** Gathers what the broker's line waits for, over all backplanes that are made of one. Default: nobody asks. */
  readonly holds?: Set<Promise<void>>;
}

/** Makes a backplane of one destination of a broker that runs elsewhere. */
export function brokerBackplane(options: BrokerBackplaneOptions): Backplane {
  const { system, application, destination, messageSizeLimit, holds = new Set() } = options;
  return {
    name: destination,
    sizeLimit: messageSizeLimit - HEAD - 2 * Buffer.byteLength(destination),
    get isAvailable() {
      return system.isAvailable;
    },
    async publish(bytes) {
      const native = saying(NativeHeaders.EMPTY, { "express-stomp-servers-only": "1" });
      const headers = { destination, contentType: BINARY, native };
      await application.handle(createMessage(bytes, headers));
    },
    async subscribe({ take, availability }) {
      const taking = ({ payload }: Message) => {
        const taken = take({ position: "", bytes: payload });
        if (!taken) return;
        holds.add(taken);
        return taken.finally(() => holds.delete(taken));
      };
      await system.subscribe(destination, taking, {
        lost: () => availability(false),
        resumed: () => availability(true),
        isWaitedFor: true,
      });
      availability(true);
    },
    // The broker's connection is the relay's.
    async close() {},
  };
}

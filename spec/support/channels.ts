import { type ChannelInterceptor, createMessage, type Message, SubscribableChannel } from "express-stomp";
import { recordingLogger } from "./recording.js";

export const text = (message: Message) => Buffer.from(message.payload).toString();
export const hello = createMessage(Buffer.from("hello"), { sessionId: "s1" });

/** A channel past these interceptors, and what it carried. */
export function channelWith(...interceptors: ChannelInterceptor[]) {
  const logger = recordingLogger();
  const channel = new SubscribableChannel("testChannel", { logger, interceptors });
  const handled: Message[] = [];
  channel.subscribe({ handle: (message) => void handled.push(message) });
  return { channel, handled, logger };
}

/** Notes each hook it passes as `name.hook`. */
export function noting(
  name: string,
  notes: string[],
  changes: Partial<ChannelInterceptor> = {},
): ChannelInterceptor {
  return {
    preSend(message) {
      notes.push(`${name}.preSend`);
      return message;
    },
    postSend() {
      notes.push(`${name}.postSend`);
    },
    afterSendCompletion(_message, _channel, sent, error) {
      notes.push(`${name}.afterSendCompletion ${sent} ${error?.message ?? "-"}`);
    },
    ...changes,
  };
}

/** What a sending, or whatever else, throws or rejects with. */
export async function rejection(task: Promise<unknown> | (() => unknown) | undefined): Promise<Error> {
  try {
    await (typeof task === "function" ? task() : task);
  } catch (error) {
    return error as Error;
  }
  throw new Error("was expected to reject");
}

export function raise(error: Error): never {
  throw error;
}

export function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}

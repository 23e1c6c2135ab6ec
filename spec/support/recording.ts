import { type Logger, type Message, SubscribableChannel } from "express-stomp";

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, ...details: unknown[]) => {
      lines.push([level, message, ...details.map(String)].join(" "));
    };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A channel that keeps what it carries. */
export function recordingChannel(name = "clientOutboundChannel") {
  const messages: Message[] = [];
  const channel = new SubscribableChannel(name, { logger: recordingLogger() });
  channel.subscribe({ handle: (message) => void messages.push(message) });
  return { channel, messages };
}

/** Waits until every microtask and immediate that is due has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

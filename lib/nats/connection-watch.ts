import { answered } from "../driver/patience.js";
import type { NatsConnection } from "./nats-connection.js";

/** The connection is asked for a sign of life that often, in ms: by itself it would notice after minutes. */
const PING = 2_000;

export interface ConnectionListener {
  /** The connection is lost. */
  away(): void;
  /** It is there again, with its subscriptions. */
  back(): void;
  /** NATS has refused something that was sent on the connection; not only by this listener. */
  refused?(error: Error): void;
}

/** Watches a connection of the application's; gives what ends that. */
export function watchConnection(connection: NatsConnection, listener: ConnectionListener): () => void {
  let isOver = false;
  let isAsking = false;
  async function ask(): Promise<void> {
    if (isAsking || connection.isClosed()) return;
    isAsking = true;
    await answered(connection.flush()).catch(() => {
      if (isOver) return;
      listener.away();
      // Has no effect while it is dialling already.
      connection.reconnect().catch(() => {});
    });
    isAsking = false;
  }
  const ticking = setInterval(() => void ask(), PING).unref();

  void (async () => {
    for await (const { type, error } of connection.status()) {
      if (isOver) return;
      if (type === "error" && error) listener.refused?.(error);
      if (type === "disconnect" || type === "close") listener.away();
      else if (type === "reconnect") listener.back();
    }
    if (!isOver) listener.away();
  })();

  return () => {
    isOver = true;
    clearInterval(ticking);
  };
}

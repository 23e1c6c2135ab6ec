import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import { ConfigurationError } from "../index.js";
import { type Handed, TAKES_CONNECTIONS } from "./sticky-primary.js";

/**
 * Serves the connections that `stickySockJS()` hands this worker, in the place of `server.listen`. Each HTTP connection is
 * for one request: the next may be of a SockJS session that another worker has. WebSockets stay.
 *
 * @returns takes no more of them
 * @throws ConfigurationError in a process that is no worker
 * @example
 * ```ts
 * const server = createServer(app);
 * messaging.attach(server);
 * listenBehindPrimary(server);
 * ```
 */
export function listenBehindPrimary(server: HttpServer | HttpsServer): () => void {
  if (!process.send)
    throw new ConfigurationError("listenBehindPrimary(server) is for workers of node:cluster");
  const tell = () => process.send?.(TAKES_CONNECTIONS);
  const hear = (message: unknown, socket: unknown) => {
    if (message === TAKES_CONNECTIONS) tell();
    if (!isHanded(message)) return;
    // It may have been closed on the way.
    if (!socket) return;
    const connection = socket as Socket;
    connection.unshift(Buffer.from(message.expressStompConnection, "base64"));
    server.emit("connection", connection);
  };
  const closeAfter = (_request: IncomingMessage, response: ServerResponse) => {
    response.shouldKeepAlive = false;
  };
  // Node would give this worker the next request of a line that is sent before the answer to the first.
  const { maxRequestsPerSocket } = server;
  server.maxRequestsPerSocket = 1;
  process.on("message", hear);
  server.prependListener("request", closeAfter);
  tell();
  return () => {
    process.off("message", hear);
    server.off("request", closeAfter);
    server.maxRequestsPerSocket = maxRequestsPerSocket;
  };
}

function isHanded(message: unknown): message is Handed {
  return typeof message === "object" && message !== null && "expressStompConnection" in message;
}

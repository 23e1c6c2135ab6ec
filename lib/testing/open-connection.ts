import type { Connection, ConnectionListener, Handshake, TestTransport } from "./transport.js";
import { openSockJsWebSocket, openWebSocket } from "./web-socket-connection.js";
import { openXhr } from "./xhr-connection.js";

/** Makes the handshake. @throws HandshakeRefusedError when it is answered otherwise; TypeError when there is no such transport */
export async function openConnection(
  transport: TestTransport,
  handshake: Handshake,
  listener: ConnectionListener,
): Promise<Connection> {
  switch (transport) {
    case "websocket":
      return openWebSocket(handshake, listener);
    case "sockjs-websocket":
      return openSockJsWebSocket(handshake, listener);
    case "xhr-streaming":
    case "xhr-polling":
      return openXhr(transport, handshake, listener);
    default:
      throw new TypeError(`There is no transport ${JSON.stringify(transport satisfies never)}`);
  }
}

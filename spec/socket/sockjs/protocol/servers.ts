import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import sockjs from "sockjs";
import type { SockJSOptions } from "#lib/socket/sockjs/sock-js-options.js";
import { echo, SocketHost } from "../../../support/socket-host.js";

/** A server with the services that the conversations are held with. */
export interface ProtocolServer {
  readonly server: Server;
  readonly port: number;
  close(): Promise<void>;
}

/** Of a page that may connect, and that is not the server's own. */
export const FRIEND = "https://friend.example";
/** Where the page for iframes finds sockjs-client. */
export const CLIENT_LIBRARY = "/js/sockjs.min.js";

const RESPONSE_LIMIT = 4096;
/** Of the services that are in a hurry, in ms. */
const HASTE = 50;
/** Of all others: on a slow machine, too, no session is lost while its next request is on the way. */
const LEISURE = 600_000;
const ALL = ["websocket", "xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"] as const;
/** Those that tell the origin of their page. */
const CORS = ALL.slice(0, 4);

/** sockjs-node as its manual says, but for its log. */
export async function startSockJsNode(): Promise<ProtocolServer> {
  const server = createServer();
  const connections: WithTimer[] = [];
  const serve = (prefix: string, options: sockjs.ServerOptions, isClosing = false) => {
    const service = sockjs.createServer({
      sockjs_url: CLIENT_LIBRARY,
      response_limit: RESPONSE_LIMIT,
      disconnect_delay: LEISURE,
      log() {},
      ...options,
    });
    service.on("connection", (connection) => {
      connections.push(connection as unknown as WithTimer);
      // A number, whatever its types say.
      if (isClosing) connection.close(3000 as unknown as string, "Go away!");
      else connection.on("data", (message) => void connection.write(message));
    });
    service.installHandlers(server, { prefix });
  };
  serve("/echo", {});
  serve("/friends", {});
  serve("/disabled_websocket_echo", { websocket: false });
  serve("/cookie_needed_echo", { jsessionid: true });
  serve("/lively", { heartbeat_delay: HASTE });
  serve("/forgetful", { disconnect_delay: HASTE });
  serve("/close", {}, true);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port, close: () => closed(server, connections) };
}

/** Ours, with the same services. */
export async function startOurs(): Promise<ProtocolServer> {
  const host = new SocketHost({
    opened: (opened) => {
      if (opened.request.url.startsWith("/close")) opened.socket.close(3000, "Go away!");
      else echo(opened);
    },
  });
  host.app.disable("x-powered-by");
  const serve = (path: string, options: SockJSOptions = {}, allowedOrigins: string[] = []) => {
    const sockJS = {
      transportHandlers: ALL,
      streamBytesLimit: RESPONSE_LIMIT,
      disconnectDelay: LEISURE,
      ...options,
    };
    host.endpoint({ path, sockJS, allowedOrigins });
  };
  serve("/echo", { clientLibraryUrl: CLIENT_LIBRARY, sessionCookieNeeded: false });
  serve("/friends", { transportHandlers: CORS, sessionCookieNeeded: false }, [FRIEND, "null"]);
  serve("/disabled_websocket_echo", { webSocketEnabled: false, sessionCookieNeeded: false });
  serve("/cookie_needed_echo", { sessionCookieNeeded: true });
  serve("/lively", { heartbeatTime: HASTE });
  serve("/forgetful", { disconnectDelay: HASTE });
  serve("/close");
  const port = await host.listen();
  return { server: host.server, port, close: () => host.close() };
}

/** A connection of sockjs-node, whose timer would keep the process when its server is closed. */
interface WithTimer {
  readonly _session: { readonly to_tref: NodeJS.Timeout | null } | null;
}

async function closed(server: Server, connections: readonly WithTimer[]): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  for (const { _session } of connections) clearTimeout(_session?.to_tref ?? undefined);
}

import { once } from "node:events";
import { createServer as createPlainServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { PerMessageDeflateOptions } from "ws";
import type { Started } from "../peers.js";
import { CERTIFICATE, KEY } from "./certificate.js";

/** The longest message that a peer takes, where one can choose: what express-stomp takes. */
export const MAX_PAYLOAD = 64 * 1024;

/** Compression as express-stomp's: small windows, and no context from one message to the next. */
export const DEFLATE: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 12,
  threshold: 1024,
  zlibDeflateOptions: { level: 3, memLevel: 5 },
};

/** What may differ between two peers that are the same server. */
export interface Wire {
  readonly isSecure?: boolean;
  readonly isCompressed?: boolean;
}

export function createServer({ isSecure }: Wire, listener?: RequestListener): Server {
  return isSecure
    ? createSecureServer({ key: KEY, cert: CERTIFICATE }, listener)
    : createPlainServer(listener);
}

/** Lets a peer listen, with room for a storm of connections. */
export async function listen(server: Server): Promise<Started> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port };
}

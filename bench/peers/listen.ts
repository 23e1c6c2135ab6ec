import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Started } from "../peers.js";

/** The longest message that a peer takes, where one can choose: what express-stomp takes. */
export const MAX_PAYLOAD = 64 * 1024;

/** Lets a peer listen, with room for a storm of connections. */
export async function listen(server: Server): Promise<Started> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port };
}

// One peer, in a process of its own. Says its port.
import "reflect-metadata";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

const PEERS: Readonly<Record<string, () => Promise<Server>>> = {
  "ws-loop": async () => (await import("./peers/raw.js")).wsLoop(),
  "ws-preframed": async () => (await import("./peers/raw.js")).wsPreframed(),
  "ws-by-hand": async () => (await import("./peers/raw.js")).wsByHand(),
  "express-stomp": async () => (await import("./peers/express-stomp.js")).expressStomp(),
};

const server = await PEERS[process.argv[2] ?? ""]?.();
if (server === undefined) throw new Error(`no peer ${process.argv[2]}`);
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.once("disconnect", () => process.exit());
process.once("SIGTERM", () => process.exit());

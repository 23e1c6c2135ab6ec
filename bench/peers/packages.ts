// Peers that are packages, which `npm ci --prefix bench/packages` installs: nothing else needs them.
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import type { Started } from "../peers.js";
import { DEFLATE, listen, MAX_PAYLOAD, type Wire } from "./listen.js";

const FOLDER = "bench/packages";

/** As much of Socket.IO as is used here. */
interface SocketIo {
  on(name: "connection", listener: (socket: SocketIoSocket) => void): void;
  to(room: string): { emit(name: string, text: string): void };
}
interface SocketIoSocket {
  on(name: "subscribe", listener: (room: string, done: () => void) => void): void;
  on(name: "send", listener: (room: string, text: string) => void): void;
  join(room: string): void;
}
type SocketIoConstructor = new (
  server: Server,
  options: {
    transports: string[];
    serveClient: boolean;
    perMessageDeflate: typeof DEFLATE | false;
    maxHttpBufferSize: number;
  },
) => SocketIo;
type StompServerConstructor = new (options: { server: Server; path: string; heartbeat: number[] }) => unknown;

const require = createRequire(new URL(`../../../${FOLDER}/`, import.meta.url));

/** Installs them, unless they are there. Says why not, if so. */
export async function missing(): Promise<string | undefined> {
  try {
    require.resolve("socket.io");
  } catch {
    try {
      await promisify(execFile)("npm", ["ci", "--prefix", FOLDER, "--no-audit", "--no-fund"]);
    } catch (error) {
      return `npm ci --prefix ${FOLDER}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/** A room for each topic. */
export function socketIo({ isCompressed = false }: Wire = {}): Promise<Started> {
  const { Server: SocketIoServer } = require("socket.io") as { Server: SocketIoConstructor };
  const server = createServer();
  const io = new SocketIoServer(server, {
    transports: ["websocket"],
    serveClient: false,
    perMessageDeflate: isCompressed && DEFLATE,
    maxHttpBufferSize: MAX_PAYLOAD,
  });
  io.on("connection", (socket) => {
    socket.on("subscribe", (room, done) => {
      socket.join(room);
      done();
    });
    socket.on("send", (room, text) => io.to(room).emit("m", text));
  });
  return listen(server);
}

export function stompBrokerJs(): Promise<Started> {
  const StompServer = require("stomp-broker-js") as StompServerConstructor;
  const server = createServer();
  new StompServer({ server, path: "/ws", heartbeat: [10_000, 10_000] });
  return listen(server);
}

import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ConfigurationError } from "../index.js";
import { sessionOf, slotOf } from "./session-slot.js";

/** Options of `stickySockJS`. */
export interface StickySockJSOptions {
  /** Where browsers come; 0 is any. */
  readonly port: number;
  /** Default: all addresses of this machine. */
  readonly host?: string;
}

/** A primary that listens for its workers. */
export interface StickySockJS {
  /** Where it listens. */
  readonly port: number;
  /** Takes no new connections. Those that workers have stay theirs. */
  close(): Promise<void>;
}

/** A request line has so many bytes at most. */
const LINE_SIZE = 16 * 1024;
/** A connection says within so many ms what it wants. */
const FIRST_LINE = 10_000;

/** A connection on its way to a worker. */
export interface Handed {
  /** The bytes that were read of it, as base64. */
  readonly expressStompConnection: string;
}

/** The word of a worker that takes connections. */
export const TAKES_CONNECTIONS = "express-stomp takes connections";

/**
 * Listens in the primary process for all workers of node:cluster, so that SockJS works over HTTP too: all requests of one
 * SockJS session reach the worker that has it. Others, WebSockets among them, go to the workers in turn. In a worker,
 * `listenBehindPrimary(server)` takes what it is given. TLS has to end before.
 *
 * @throws ConfigurationError in a worker
 * @example
 * ```ts
 * if (cluster.isPrimary) {
 *   backplanePrimary();
 *   for (let i = 0; i < availableParallelism(); i++) cluster.fork();
 *   await stickySockJS({ port: 8080 });
 * }
 * ```
 */
export async function stickySockJS({ port, host }: StickySockJSOptions): Promise<StickySockJS> {
  if (!cluster.isPrimary)
    throw new ConfigurationError(
      "stickySockJS() is for the primary; workers call listenBehindPrimary(server)",
    );
  const slots = new Slots();
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    void firstLine(socket).then((head) => {
      waiting.delete(socket);
      if (head) slots.give(socket, head);
    });
  });
  const ready = once(server, "listening");
  server.listen(port, host);
  await ready;

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      slots.close();
      const closed = once(server, "close");
      server.close();
      for (const socket of waiting) socket.destroy();
      await closed;
    },
  };
}

/** The workers, each in its slot. One that ends leaves it to the next, so that the sessions of others stay where they are. */
class Slots {
  readonly #workers: (Worker | undefined)[] = [];
  #turn = 0;
  readonly #ready = (worker: Worker, message: unknown) => {
    if (message === TAKES_CONNECTIONS) this.#add(worker);
  };

  constructor() {
    cluster.on("message", this.#ready);
    // Workers that were there before are asked, and answer.
    for (const worker of Object.values(cluster.workers ?? {})) worker?.send(TAKES_CONNECTIONS, () => {});
  }

  give(socket: Socket, head: Buffer): void {
    const worker = this.#workerFor(head);
    if (!worker) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const handed: Handed = { expressStompConnection: head.toString("base64") };
    worker.send(handed, socket, { keepOpen: false }, (error) => {
      if (error) socket.destroy();
    });
  }

  close(): void {
    cluster.off("message", this.#ready);
  }

  #workerFor(head: Buffer): Worker | undefined {
    const session = sessionOf(head.toString("latin1", 0, head.indexOf("\r\n")));
    const mine = session === undefined ? undefined : this.#workers[slotOf(session, this.#workers.length)];
    if (mine) return mine;
    const workers = this.#workers.filter((worker) => worker !== undefined);
    return workers[this.#turn++ % workers.length];
  }

  #add(worker: Worker): void {
    if (this.#workers.includes(worker)) return;
    const free = this.#workers.indexOf(undefined);
    const slot = free < 0 ? this.#workers.length : free;
    this.#workers[slot] = worker;
    worker.once("disconnect", () => {
      this.#workers[slot] = undefined;
    });
  }
}

/** Reads the first line of a connection, and what came with it; nothing when it does not say one. */
function firstLine(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const settle = (head: Buffer | undefined) => {
      socket.off("readable", read).off("close", over).setTimeout(0);
      if (head) stopReading(socket);
      else socket.destroy();
      resolve(head);
    };
    const over = () => settle(undefined);
    const read = () => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null)
        chunks.push(chunk);
      const head = Buffer.concat(chunks);
      // TLS, say: a worker will know what it is.
      const isText = head.length === 0 || /^[A-Z]/.test(head.toString("latin1", 0, 1));
      if (!isText || head.includes("\r\n")) settle(head);
      else if (head.length > LINE_SIZE) settle(undefined);
    };
    socket.on("error", () => {});
    socket.on("readable", read).on("close", over);
    socket.setTimeout(FIRST_LINE, over);
  });
}

/**
 * Leaves what comes from now on to the worker. Node goes on reading a connection that it sends, until the worker has
 * confirmed it, and forgets what it reads; of a `Socket` there is no other way to stop that.
 */
function stopReading(socket: Socket): void {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readStop(): void } | null };
  handle?.readStop();
}

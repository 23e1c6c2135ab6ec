import type { NodeRedisClient } from "./redis-client.js";
import type { RedisConnection, RedisWord } from "./redis-connection.js";

interface CommandOptions {
  readonly typeMapping: Readonly<Record<number, unknown>>;
  readonly timeout: undefined;
}

type Words = readonly RedisWord[];

interface Emitting {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  /** Of Sentinels alone. */
  on(event: "topology-change", listener: (change: { readonly type: string }) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  subscribe(channel: string, listener: (message: Buffer) => void, asBuffers: true): Promise<unknown>;
}

/** A client that `createClient` gives. */
interface Client extends Emitting {
  sendCommand(command: Words, options: CommandOptions): Promise<unknown>;
  ping(): Promise<unknown>;
}

/** A client that `createSentinel` gives. */
interface Sentinel extends Emitting {
  acquire(): unknown;
  sendCommand(isReadonly: boolean, command: Words, options: CommandOptions): Promise<unknown>;
}

/** A client that `createCluster` gives. */
interface Cluster extends Emitting {
  getSlotRandomNode(slot: number): unknown;
  sendCommand(key: string, isReadonly: boolean, command: Words, options: CommandOptions): Promise<unknown>;
}

/**
 * Strings as buffers, and maps (RESP 3) as the flat arrays that they are in RESP 2. Answers are waited for elsewhere: the
 * client's own time limit makes an `AbortSignal` for each command, which costs more than the command.
 */
const OPTIONS: CommandOptions = { typeMapping: { 36: Buffer, 37: Array }, timeout: undefined };

/** Makes a connection from a client of the package `redis`. */
export function nodeRedisConnection(client: NodeRedisClient): RedisConnection {
  const duplicate = client.duplicate as (overrides: object) => unknown;
  // Commands that wait while the server is away would be sent later, when nobody waits for them any more.
  const { options } = client as { readonly options?: { readonly socket?: object } };
  // Sentinels and clusters have their own way to another node.
  const isPlain = !("acquire" in client || "getSlotRandomNode" in client);
  const overrides = {
    disableOfflineQueue: true,
    ...(isPlain && { socket: { ...options?.socket, reconnectStrategy: false } }),
  };
  const connection = duplicate.call(client, overrides) as Client | Sentinel | Cluster;
  // Each of them throws what nobody listens for.
  connection.on("error", () => {});

  return {
    async open() {
      await connection.connect();
    },
    send(key, command) {
      if ("getSlotRandomNode" in connection) return connection.sendCommand(key, false, command, OPTIONS);
      if ("acquire" in connection) return connection.sendCommand(false, command, OPTIONS);
      return connection.sendCommand(command, OPTIONS);
    },
    async subscribe(channel, take) {
      await connection.subscribe(channel, take, true);
    },
    async ping() {
      // Of a cluster and of Sentinels, `subscribe` has a connection within that cannot be asked.
      if ("ping" in connection) await connection.ping();
    },
    destroy() {
      try {
        void Promise.resolve(connection.destroy()).catch(() => {});
      } catch {
        // It was closed already.
      }
    },
    onLost(lost) {
      connection.on("error", lost);
      connection.on("end", () => lost(new Error("The connection was closed")));
      // It goes on at the new master, as if nothing had been.
      connection.on("topology-change", ({ type }) => {
        if (type === "MASTER_CHANGE") lost(new Error("Another server has become the master"));
      });
    },
  };
}

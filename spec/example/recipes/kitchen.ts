import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, type IMessage } from "@stomp/stompjs";
import type { StompMessaging } from "express-stomp";
import WebSocket, { type ClientOptions } from "ws";

interface Recipe {
  readonly server: Server;
  readonly messaging: StompMessaging;
}

/** A recipe that runs, on a free port. */
export interface Cooked<R extends Recipe> {
  readonly recipe: R;
  readonly port: number;
  /** The lines that the recipe, and the library in it, print. */
  readonly log: readonly string[];
  /** A client that is not connected yet. */
  client(query?: string, options?: ClientOptions): Client;
  close(): Promise<void>;
}

const LEVELS = ["log", "info", "warn", "error"] as const;

/**
 * Runs a recipe in this process, as `npm run recipe` does in one of its own; once, since a module runs once.
 *
 * @param load imports it
 * @param env what it finds in its environment
 */
export async function cook<R extends Recipe>(
  load: () => Promise<R>,
  env: Readonly<Record<string, string>> = {},
): Promise<Cooked<R>> {
  const before = { ...process.env };
  Object.assign(process.env, env, { PORT: "0" });
  const recipe = await load();
  process.env = before;

  const log: string[] = [];
  const printed = LEVELS.map((level) => [level, console[level]] as const);
  for (const level of LEVELS) console[level] = (...words: unknown[]) => void log.push(words.join(" "));
  const { server, messaging } = recipe;
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients: Client[] = [];

  return {
    recipe,
    port,
    log,
    client(query = "", options = {}) {
      const url = `ws://127.0.0.1:${port}/ws${query}`;
      const client = new Client({
        webSocketFactory: () => new WebSocket(url, ["v12.stomp"], options),
        reconnectDelay: 1,
      });
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.deactivate({ force: true })));
      await messaging.close({ drainMs: 0 });
      server.close();
      server.closeAllConnections();
      for (const [level, print] of printed) console[level] = print;
    },
  };
}

/** Connects, and resolves at CONNECTED, with the id of the session. */
export function connected(client: Client): Promise<string> {
  const { onConnect } = client;
  return new Promise((resolve) => {
    client.onConnect = (frame) => {
      client.onConnect = onConnect;
      onConnect(frame);
      resolve(frame.headers.session ?? "");
    };
    client.activate();
  });
}

/** The messages of a subscription, one after the other, however late they are asked for. */
export interface Heard {
  next(): Promise<IMessage>;
  /** The next one's body, as JSON. */
  json(): Promise<unknown>;
}

let receipts = 0;

/** Subscribes, and resolves when the server has confirmed: from then on everything is heard. */
export async function hear(
  client: Client,
  destination: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Heard> {
  const messages: IMessage[] = [];
  const waiting: ((message: IMessage) => void)[] = [];
  const receipt = `heard-${++receipts}`;
  const confirmed = new Promise<void>((resolve) => client.watchForReceipt(receipt, () => resolve()));
  client.subscribe(
    destination,
    (message) => {
      const take = waiting.shift();
      if (take) take(message);
      else messages.push(message);
    },
    { ...headers, receipt },
  );
  // The answer of a controller alone may come before the receipt.
  await confirmed;

  function next(): Promise<IMessage> {
    const message = messages.shift();
    return message ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve));
  }
  return { next, json: async () => JSON.parse((await next()).body) };
}

import { type SimpleBrokerOptions, type StompMessagingOptions, simpleBroker } from "express-stomp";
import { BackplaneHub, type BackplaneHubOptions, FaultyBackplane } from "express-stomp/testing";
import type { RawClient } from "./raw-client.js";
import { untilAvailable } from "./until-available.js";
import { type Users, withUsers } from "./users.js";

export const SECRET = "a secret of the servers";

/** Options of one of several servers on a backplane. */
export function onBackplane(
  backplane: FaultyBackplane,
  options: SimpleBrokerOptions = {},
): Partial<StompMessagingOptions> {
  return {
    broker: simpleBroker({ destinationPrefixes: ["/topic"], backplane, secret: SECRET, ...options }),
  };
}

export interface BackplaneServer extends Users {
  readonly backplane: FaultyBackplane;
}

export type Client = RawClient & { readonly sessionId: string };

/** Servers of one process on one hub, each with a real port. */
export class BackplaneStage {
  readonly hub: BackplaneHub;
  readonly servers: BackplaneServer[] = [];

  constructor(options: BackplaneHubOptions = {}) {
    this.hub = new BackplaneHub(options);
  }

  async open(
    broker: SimpleBrokerOptions = {},
    options: Partial<StompMessagingOptions> = {},
    backplane = new FaultyBackplane(this.hub),
  ): Promise<BackplaneServer> {
    const users = await withUsers({ ...onBackplane(backplane, broker), ...options });
    const server = { ...users, backplane };
    this.servers.push(server);
    if (backplane.isAvailable) await untilAvailable(users.server.messaging);
    return server;
  }

  async openAll(count: number, ...args: Parameters<BackplaneStage["open"]>): Promise<BackplaneServer[]> {
    return Promise.all(Array.from({ length: count }, () => this.open(...args)));
  }

  async close(): Promise<void> {
    for (const { backplane } of this.servers) backplane.resume();
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/** Subscribes a client, and waits for the receipt. */
export async function listen(client: RawClient, destination: string, more = ""): Promise<void> {
  client.send(`SUBSCRIBE\nid:0\ndestination:${destination}\n${more}receipt:s\n\n^@`);
  const frame = await client.frame();
  if (!frame.includes("receipt-id:s\n")) throw new Error(frame);
}

/** The bodies of the next so many frames. */
export async function bodies(client: RawClient, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) all.push(bodyOf(await client.frame()));
  return all;
}

export function bodyOf(frame: string): string {
  return frame.slice(frame.indexOf("\n\n") + 2, -"^@".length);
}

export function header(frame: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*)$`, "m").exec(frame)?.[1];
}

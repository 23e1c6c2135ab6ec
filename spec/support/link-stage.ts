import { expect } from "chai";
import type { Message } from "#lib/message/message.js";
import { brokerBackplane } from "#lib/servers/broker-backplane.js";
import { serversKey } from "#lib/servers/seal.js";
import { ServerLink } from "#lib/servers/server-link.js";
import { BrokerHub, type HubConnection } from "./broker-hub.js";
import { FakeTimers } from "./fake-timers.js";
import { recordingLogger } from "./recording.js";

export const KEY = serversKey("a secret of the servers");
export const DESTINATION = "/topic/servers";
export const EXPIRATION = 20_000;

export interface TestLink {
  readonly link: ServerLink<string>;
  readonly line: HubConnection;
  readonly log: readonly string[];
  readonly warnings: readonly string[];
  readonly said: string[];
  readonly told: string[];
}

/** Servers that speak to each other by one broker, and a time that passes for all of them. */
export class LinkStage {
  readonly hub = new BrokerHub();
  readonly time = new FakeTimers();
  readonly links: TestLink[] = [];

  readonly open = ({
    key = KEY,
    clock = this.time,
    line = this.hub.connect(),
    messageSizeLimit = 1024 * 1024,
  }: {
    key?: Buffer;
    clock?: FakeTimers;
    line?: HubConnection;
    messageSizeLimit?: number;
  } = {}): TestLink => {
    const said: string[] = [];
    const told: string[] = [];
    const logger = recordingLogger();
    const { system, application } = line;
    const backplane = brokerBackplane({ system, application, destination: DESTINATION, messageSizeLimit });
    const link = new ServerLink<string>(
      { backplane, key, expiration: EXPIRATION, logger, clock },
      {
        take: (_, { content, payload }) => void said.push(`${content}=${Buffer.from(payload)}`),
        alive: (from) => void told.push(`alive ${from}`),
        missed: (from) => void told.push(`missed ${from}`),
        left: (from) => void told.push(`left ${from}`),
      },
    );
    const test: TestLink = {
      link,
      line,
      log: logger.lines,
      get warnings() {
        return logger.lines.filter((entry) => entry.startsWith("warn"));
      },
      said,
      told,
    };
    this.links.push(test);
    return test;
  };

  /** Opens so many, and lets each get to know each. */
  readonly greeted = async (count: number): Promise<TestLink[]> => {
    const all = Array.from({ length: count }, () => this.open());
    await this.time.pass(1000);
    for (const one of all) {
      for (const other of all) if (one !== other) expect(one.told).to.include(`alive ${other.link.id}`);
    }
    return all;
  };

  readonly replay = async (messages: readonly Message[]): Promise<void> => {
    for (const recorded of [...messages]) await this.hub.send(recorded);
  };

  readonly sentBy = ({ link }: TestLink): number =>
    this.hub.sent.filter(({ payload }) => Buffer.from(payload).includes(Buffer.from(link.id, "hex"))).length;
}

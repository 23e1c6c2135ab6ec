import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  DestinationVariable,
  MessageMapping,
  Payload,
  SendTo,
  type StompMessagingOptions,
} from "express-stomp";
import fc from "fast-check";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** One step of a client; several clients take theirs at the same time. */
type Step =
  | { readonly kind: "subscribe" | "unsubscribe"; readonly id: number }
  | { readonly kind: "topic" | "app" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("subscribe" as const), id: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unsubscribe" as const), id: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("topic" as const, "app" as const) }) },
);

/** How long somebody takes: not at all, some microtasks, or some turns of the loop. */
const delay = fc.oneof(
  fc.constant({ turns: 0, ticks: 0 }),
  fc.record({ turns: fc.constant(0), ticks: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ turns: fc.integer({ min: 1, max: 3 }), ticks: fc.nat(3) }),
);
type Delay = typeof delay extends fc.Arbitrary<infer T> ? T : never;

const scenario = fc.record({
  clients: fc.array(fc.array(step, { minLength: 1, maxLength: 25 }), { minLength: 1, maxLength: 8 }),
  delays: fc.array(delay, { minLength: 1, maxLength: 40 }),
  /** How many frames go into one WebSocket message. */
  together: fc.integer({ min: 1, max: 30 }),
});

let delays: readonly Delay[] = [{ turns: 0, ticks: 0 }];
let taken = 0;

function pause(): void | Promise<void> {
  const { turns, ticks } = delays[taken++ % delays.length] as Delay;
  if (turns + ticks > 0) return wait(turns, ticks);
}

async function wait(turns: number, ticks: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < ticks; i++) await undefined;
}

function pausing(): ChannelInterceptor {
  return {
    preSend: (message) => pause()?.then(() => message) ?? message,
    beforeHandle: (message) => pause()?.then(() => message) ?? message,
    postSend: pause,
  };
}

@Controller()
class Echo {
  @MessageMapping("/echo/{name}")
  @SendTo("/topic/{name}")
  async echo(@Payload() body: string, @DestinationVariable("name") _name: string) {
    await pause();
    return body;
  }
}

/** The frames of one client's steps, and what it is to hear, as `subscription body`. */
function play(steps: readonly Step[], name: string): { frames: string[]; heard: string[] } {
  const active = new Map<number, string>();
  const heard: string[] = [];
  let used = 0;
  const frames = steps.map((each, i) => {
    if (each.kind === "subscribe") {
      const earlier = active.get(each.id);
      const id = `${each.id}-${used++}`;
      active.delete(each.id);
      active.set(each.id, id);
      const end = earlier === undefined ? "" : `UNSUBSCRIBE\nid:${earlier}\n\n^@`;
      return `${end}SUBSCRIBE\nid:${id}\ndestination:/topic/${name}\n\n^@`;
    }
    if (each.kind === "unsubscribe") {
      const id = active.get(each.id) ?? "none";
      active.delete(each.id);
      return `UNSUBSCRIBE\nid:${id}\n\n^@`;
    }
    const body = `${each.kind} ${i}`;
    for (const id of active.values()) heard.push(`${id} ${body}`);
    const destination = each.kind === "topic" ? `/topic/${name}` : `/app/echo/${name}`;
    return `SEND\ndestination:${destination}\ncontent-type:text/plain\n\n${body}^@`;
  });
  return { frames, heard };
}

/** Reads what a client hears, until what it sent last comes back. */
async function hear(client: RawClient, until: string): Promise<string[]> {
  const heard: string[] = [];
  for (;;) {
    const frame = await client.frame();
    const [head = "", body = ""] = frame.replace(/\^@$/, "").split("\n\n", 2);
    if (body === until) return heard;
    heard.push(`${/^subscription:(.+)$/m.exec(head)?.[1]} ${body}`);
  }
}

describe("Order", function () {
  this.timeout(120_000);
  let server: TestServer;
  let runs = 0;
  /** What each session's frames came to, as interceptors saw them. */
  const seen = new Map<string, string[]>();

  async function start(options: Partial<StompMessagingOptions>) {
    const channels = ["clientInboundChannel", "brokerChannel", "clientOutboundChannel"] as const;
    const settings = channels.map((name) => [
      name,
      { interceptors: [pausing(), pausing()], ...options[name] },
    ]);
    server = await startServer({ controllers: [Echo], ...options, ...Object.fromEntries(settings) });
    server.messaging.clientInboundChannel.addInterceptor({
      preSend(message) {
        const { sessionId = "", messageType, subscriptionId } = message.headers;
        if (messageType === "CONNECT") seen.set(sessionId, []);
        const text = subscriptionId ?? Buffer.from(message.payload).toString();
        seen.get(sessionId)?.push(`${messageType} ${text}`);
        return message;
      },
    });
  }

  /** Plays all clients at once; gives what each was to hear beside what it heard. */
  async function run({
    clients,
    delays: given,
    together,
  }: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
    delays = given;
    taken = 0;
    seen.clear();
    const number = ++runs;
    return Promise.all(
      clients.map(async (steps, i) => {
        const name = `c-${number}-${i}`;
        const { frames, heard } = play(steps, name);
        const client = await RawClient.connect(server.port);
        const last = [
          `SUBSCRIBE\nid:last\ndestination:/topic/last-${name}\n\n^@`,
          `SEND\ndestination:/topic/last-${name}\n\nlast-${name}^@`,
        ];
        const all = [...frames, ...last];
        for (let at = 0; at < all.length; at += together) client.send(all.slice(at, at + together).join(""));
        const actual = await hear(client, `last-${name}`);
        client.cut();
        return { frames: all.join(""), expected: heard, actual };
      }),
    );
  }

  /** Commands and what tells them apart, as they were sent. */
  function sent(frames: string): string[] {
    return frames
      .split("^@")
      .filter((frame) => frame !== "")
      .map((frame) => {
        const [command] = frame.split("\n", 1);
        const body = frame.slice(frame.indexOf("\n\n") + 2);
        return command === "SEND" ? `MESSAGE ${body}` : `${command} ${/^id:(.+)$/m.exec(frame)?.[1]}`;
      });
  }

  function checkSeen(results: readonly { frames: string }[]) {
    const orders = [...seen.values()].map((order) =>
      order.filter((each) => !/^(?:CONNECT|DISCONNECT) /.test(each)).join("\n"),
    );
    expect(orders.sort()).to.deep.equal(results.map(({ frames }) => sent(frames).join("\n")).sort());
  }

  afterEach(() => server.close());

  for (const [what, options] of [
    ["", {}],
    [
      ", with a bound of concurrency",
      { clientInboundChannel: { concurrency: 2 }, brokerChannel: { concurrency: 1 } },
    ],
  ] as const) {
    it(`of a session's frames and of what they bring about is the order sent${what}`, async () => {
      await start(options);

      await fc.assert(
        fc.asyncProperty(scenario, async (given) => {
          const results = await run(given);
          for (const { actual, expected } of results) expect(actual).to.deep.equal(expected);
          checkSeen(results);
        }),
        { numRuns: 40 },
      );
    });
  }

  it("holds for all but controllers when preserveReceiveOrder is false", async () => {
    await start({ preserveReceiveOrder: false });
    const ofTopic = (heard: readonly string[]) => heard.filter((each) => each.includes(" topic "));

    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const results = await run(given);
        for (const { actual, expected } of results) {
          expect(ofTopic(actual)).to.deep.equal(ofTopic(expected));
        }
        checkSeen(results);
      }),
      { numRuns: 40 },
    );
  });
});

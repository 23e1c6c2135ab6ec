import { expect } from "chai";
import { MessageExceptionHandler, MessageMapping, SendTo, SendToUser, SubscribeMapping } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

type Decorator = ReturnType<typeof SendTo>;

/** What may stand above a class, or above a method; `level` is in the destinations. */
const DECORATED: Record<string, (level: string) => Decorator[]> = {
  nothing: () => [],
  "@SendTo()": () => [SendTo()],
  "@SendTo(…)": (level) => [SendTo(`/topic/${level}`)],
  "@SendToUser()": () => [SendToUser()],
  "@SendToUser(…)": (level) => [SendToUser(`/queue/${level}`)],
  both: (level) => [SendTo(`/topic/${level}`), SendToUser(`/queue/${level}`)],
};

/**
 * As Spring 7.0 answers: by the class's decorators (rows), then by the method's in the order of `DECORATED`.
 * `t` and `u` are the default topic and user destination, `ct` and `cu` the class's, `mt` and `mu` the method's.
 */
const TABLE: Record<string, string[]> = {
  nothing: ["t", "t", "mt", "u", "mu", "mu mt"],
  "@SendTo()": ["t", "t", "mt", "u", "mu", "mu mt"],
  "@SendTo(…)": ["ct", "ct", "mt", "ct", "mu", "mu mt"],
  "@SendToUser()": ["u", "t", "mt", "u", "mu", "mu mt"],
  "@SendToUser(…)": ["cu", "cu", "mt", "cu", "mu", "mu mt"],
  both: ["cu ct", "cu ct", "mt", "cu ct", "mu", "mu mt"],
};

const COMBINATIONS = Object.entries(TABLE).flatMap(([ofClass, row]) =>
  Object.keys(DECORATED).map((ofMethod, i) => ({ ofClass, ofMethod, sent: row[i] as string })),
);

/** Answers a SEND, a SUBSCRIBE and what it throws, each method with the same decorators. */
function controller({ ofClass, ofMethod }: { ofClass: string; ofMethod: string }, name: string): object {
  class Replies {
    answer() {
      return "reply";
    }

    subscribed() {
      return "reply";
    }

    fail() {
      throw new RangeError();
    }

    failed(_error: RangeError) {
      return "reply";
    }
  }
  const { prototype } = Replies;
  const above = (method: keyof Replies, ...decorators: unknown[]) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    for (const decorate of decorators)
      (decorate as (...args: unknown[]) => void)(prototype, method, descriptor);
  };
  const replies = DECORATED[ofMethod]!("m");
  above("answer", MessageMapping(`/${name}/answer`), ...replies);
  above("subscribed", SubscribeMapping(`/${name}/subscribed`), ...replies);
  above("fail", MessageMapping(`/${name}/fail`));
  above("failed", MessageExceptionHandler(RangeError), ...replies);
  for (const decorate of DECORATED[ofClass]!("c")) decorate(Replies);
  return new Replies();
}

describe("A reply", () => {
  let server: TestServer;
  let mine: RawClient;
  let stranger: RawClient;

  before(async () => {
    server = await startServer({
      endpoints: [{ path: "/ws", user: ({ headers }) => ({ name: String(headers["x-user"]) }) }],
      controllers: COMBINATIONS.map((combination, i) => controller(combination, `c${i}`)),
    });
    const connect = async (user: string) => {
      const client = await RawClient.connect(server.port, "", "/ws", { headers: { "x-user": user } });
      client.send("SUBSCRIBE\nid:topic\ndestination:/topic/**\n\n^@");
      client.send("SUBSCRIBE\nid:user\ndestination:/user/queue/**\n\n^@");
      await client.synchronize();
      return client;
    };
    mine = await connect("me");
    stranger = await connect("stranger");
  });

  after(async () => {
    mine.cut();
    stranger.cut();
    await server.close();
  });

  const destinationsOf = (frames: readonly string[]) =>
    frames.map((frame) => /^destination:(.*)$/m.exec(frame)?.[1]);

  async function heard(frame: string) {
    mine.send(frame);
    const frames = await mine.synchronize();
    return { mine: destinationsOf(frames), strangers: destinationsOf(await stranger.synchronize()) };
  }

  for (const [i, { ofClass, ofMethod, sent }] of COMBINATIONS.entries()) {
    const named = { ct: "/topic/c", cu: "/user/queue/c", mt: "/topic/m", mu: "/user/queue/m" };
    const expected = (lookup: string) => {
      const places: Record<string, string> = { ...named, t: `/topic${lookup}`, u: `/user/queue${lookup}` };
      const all = sent.split(" ").map((place) => places[place]);
      return { mine: all, strangers: all.filter((destination) => destination?.startsWith("/topic")) };
    };

    describe(`of a class with ${ofClass} and a method with ${ofMethod}`, () => {
      it(`to a SEND goes to ${sent}`, async () => {
        const reply = await heard(`SEND\ndestination:/app/c${i}/answer\n\n^@`);
        expect(reply).to.deep.equal(expected(`/c${i}/answer`));
      });

      it(`of an exception handler goes to ${sent}`, async () => {
        const reply = await heard(`SEND\ndestination:/app/c${i}/fail\n\n^@`);
        expect(reply).to.deep.equal(expected(`/c${i}/fail`));
      });

      const isDirect = ofClass === "nothing" && ofMethod === "nothing";
      it(`to a SUBSCRIBE goes to ${isDirect ? "the subscription alone" : sent}`, async () => {
        const reply = await heard(`SUBSCRIBE\nid:${i}\ndestination:/app/c${i}/subscribed\n\n^@`);
        const direct = { mine: [`/app/c${i}/subscribed`], strangers: [] };
        expect(reply).to.deep.equal(isDirect ? direct : expected(`/c${i}/subscribed`));
      });
    });
  }

  it("tells in the log which decorators have no effect", () => {
    const told = server.log.filter((line) => line.includes("without a destination"));
    expect(told).to.include(
      "warn Replies.answer has @SendToUser() without a destination, and its class names one: replies go there only, " +
        'as in Spring. Write @SendToUser("/…") if they shall not',
    );
    // Three methods each: @SendToUser() below @SendTo(…), @SendTo() below @SendToUser(…).
    expect(told).to.have.length(6);
  });
});

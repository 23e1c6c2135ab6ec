import { expect } from "chai";
import fc from "fast-check";
import { BrokerDriver } from "./broker-driver.js";
import { BrokerModel } from "./broker-model.js";

type Broker = {
  readonly [name in keyof BrokerDriver]: BrokerDriver[name] extends (...args: infer A) => unknown
    ? (...args: A) => unknown
    : BrokerDriver[name];
};

/** Something that a session does, to both alike; refused, it costs the session in both. */
class Step implements fc.AsyncCommand<BrokerModel, BrokerDriver> {
  readonly #session: string;
  readonly #choose: (model: BrokerModel) => [text: string, act: (broker: Broker) => unknown];
  #text = "not reached";

  /** @param choose what to do, as things stand */
  constructor(
    session: string,
    choose: (model: BrokerModel) => [text: string, act: (broker: Broker) => unknown],
  ) {
    this.#session = session;
    this.#choose = choose;
  }

  check(): boolean {
    return true;
  }

  async run(model: BrokerModel, real: BrokerDriver): Promise<void> {
    const [text, act] = this.#choose(model);
    this.#text = text;
    const expected = await this.#refusedBy(model, act);
    expect(await this.#refusedBy(real, act), "whether it was refused").to.equal(expected);
    expect(real.log).to.deep.equal(model.log);
    model.log.length = 0;
    real.log.length = 0;
  }

  toString(): string {
    return `${this.#session}: ${this.#text}`;
  }

  async #refusedBy(broker: Broker, act: (broker: Broker) => unknown): Promise<boolean> {
    try {
      await act(broker);
      return false;
    } catch (error) {
      if ((error as Error).message !== "refused") throw error;
      await broker.disconnect(this.#session);
      return true;
    }
  }
}

const session = fc.constantFrom("alice", "bob", "carol");
const id = fc.constantFrom("1", "2", "3", "4");
const color = fc.constantFrom("red", "blue");
const destination = fc.constantFrom("/topic/a", "/topic/b", "/queue/a", "/queue/a", "/queue/b");
const transaction = fc.constantFrom("t", "u");
const maybeIn = fc.option(transaction, { nil: undefined });
/** Whether a step may be one that must be refused. */
const careless = fc.nat(30).map((n) => n === 30);
let bodies = 0;

const subscribe = fc
  .record({
    session,
    id,
    destination: fc.oneof(destination, fc.constantFrom("/topic/*", "/queue/*", "/queue/dead")),
    ack: fc.constantFrom("auto", "client", "client-individual"),
    prefetch: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY, undefined),
    color: fc.option(color, { nil: undefined, freq: 4 }),
  })
  .chain((given) => {
    return careless.map((rash) => {
      return new Step(given.session, () => [
        `SUBSCRIBE ${fc.stringify(given)}`,
        (broker) => {
          if (!rash) broker.unsubscribe(given.session, given.id);
          broker.subscribe(given);
        },
      ]);
    });
  });
const unsubscribe = fc.tuple(session, id).map(([name, which]) => {
  return new Step(name, () => [`UNSUBSCRIBE ${which}`, (broker) => broker.unsubscribe(name, which)]);
});
const send = fc.tuple(session, destination, color, maybeIn, careless).map(([name, to, shade, wish, rash]) => {
  const letter = { destination: to, color: shade, body: `${++bodies}` };
  return new Step(name, (model) => {
    const within = wish && (rash || model.isOpen(name, wish)) ? wish : undefined;
    return [`SEND ${fc.stringify(letter)} ${within ?? ""}`, (broker) => broker.send(name, letter, within)];
  });
});
const settle = fc
  .tuple(session, fc.nat(100), fc.boolean(), maybeIn, careless)
  .map(([name, number, yes, wish, rash]) => {
    return new Step(name, (model) => {
      const mine = model.unacknowledged(name);
      const which = rash ? number : mine[number % mine.length];
      const within = wish && model.isOpen(name, wish) ? wish : undefined;
      if (which === undefined) return ["nothing to ACK", () => {}];
      const text = `${yes ? "ACK" : "NACK"} delivery ${which} ${within ?? ""}`;
      return [text, (broker) => broker.settle(name, which, yes, within)];
    });
  });
const transact = fc
  .tuple(session, fc.constantFrom("COMMIT", "ABORT"), transaction, careless)
  .map(([name, end, which, rash]) => {
    return new Step(name, (model) => {
      const command = model.isOpen(name, which) || rash ? end : "BEGIN";
      return [`${command} ${which}`, (broker) => broker.transact(name, command, which)];
    });
  });
const crowd = session.map((name) => {
  return new Step(name, (model) => {
    const isCrowded = !model.isCrowded(name);
    return [isCrowded ? "no room" : "room", (broker) => broker.crowd(name, isCrowded)];
  });
});
const disconnect = session.map(
  (name) => new Step(name, () => ["DISCONNECT", (broker) => broker.disconnect(name)]),
);
const end = session.map((name) => new Step(name, () => ["ended", (broker) => broker.end(name)]));

describe("SimpleBroker, beside a model of it", () => {
  it("delivers, refuses and drops the same, whatever its sessions do", async function () {
    this.timeout(120_000);
    const steps = [
      subscribe,
      subscribe,
      unsubscribe,
      send,
      send,
      send,
      send,
      settle,
      settle,
      settle,
      transact,
      crowd,
      crowd,
      end,
      disconnect,
    ];
    const setup = () => ({ model: new BrokerModel(), real: new BrokerDriver() });
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 80, size: "max" }), (commands) =>
        fc.asyncModelRun(setup, commands),
      ),
      { numRuns: 1500 },
    );
  });
});

import { ScriptedBroker, type ScriptedFrame, type ScriptedLine } from "./scripted-broker.js";

/** One subscription that the broker has taken. */
interface Taken {
  readonly line: ScriptedLine;
  readonly id: string;
  readonly destination: string;
}

/** A broker with topics, which refuses, ends, loses and delays what it is told to. */
export class TopicBroker {
  readonly broker: ScriptedBroker;
  readonly #taken = new Set<Taken>();
  readonly #shared = new Set<ScriptedLine>();
  readonly #held: (() => void)[] = [];
  /** Destinations that it refuses. */
  readonly refused = new Set<string>();
  /** Whether what it refuses costs the connection, as at RabbitMQ. */
  closesOnError = true;
  /** Whether what is sent to a topic is published, as a broker does that has no script. */
  isEchoing = false;
  /** Whether it keeps back receipts for SUBSCRIBE. */
  isHolding = false;
  #messages = 0;

  /** @param sharedLogin with what connections log in that clients share; those to try destinations do, too */
  constructor(broker: ScriptedBroker, sharedLogin: string) {
    this.broker = broker;
    broker.options = { receipts: false };
    void this.#accept(sharedLogin);
  }

  /** The destinations that somebody listens to, one for each subscription. */
  get subscribed(): string[] {
    return [...this.#taken].map(({ destination }) => destination).toSorted();
  }

  /** Sends a message to all who listen. */
  publish(destination: string, body: string, more: Readonly<Record<string, string>> = {}): void {
    const headers = { ...more, destination, "message-id": `${++this.#messages}` };
    for (const { line, id, destination: taken } of this.#taken) {
      if (taken === destination) line.send("MESSAGE", { ...headers, subscription: id }, body);
    }
  }

  /** Ends all subscriptions of a destination. */
  end(destination: string): void {
    for (const taken of this.#taken) {
      if (taken.destination !== destination) continue;
      this.#taken.delete(taken);
      taken.line.send("ERROR", { message: "Server cancelled subscription", subscription: taken.id });
    }
  }

  /** Resets the connections that clients share. */
  lose(): void {
    for (const line of this.#shared) line.cut();
  }

  /** Gives the receipts that were kept back, and those that come. */
  release(): void {
    this.isHolding = false;
    for (const confirm of this.#held.splice(0)) confirm();
  }

  async #accept(sharedLogin: string): Promise<void> {
    for (;;) {
      const line = await this.broker.line();
      void line.closed().then(() => this.#forget(line));
      void this.#serve(line, sharedLogin);
    }
  }

  async #serve(line: ScriptedLine, sharedLogin: string): Promise<void> {
    for (;;) {
      const frame = await line.frame();
      const { command, headers } = frame;
      if (command === "CONNECT" && headers.get("login") === sharedLogin) this.#shared.add(line);
      else if (command === "SUBSCRIBE") this.#subscribe(line, frame);
      else {
        if (command === "UNSUBSCRIBE") this.#unsubscribe(line, headers.get("id"));
        if (command === "SEND" && this.isEchoing) {
          const { receipt: _, "content-length": _length, ...rest } = Object.fromEntries(headers);
          this.publish(headers.get("destination") ?? "", frame.body, rest);
        }
        this.#confirm(line, frame);
      }
    }
  }

  #subscribe(line: ScriptedLine, frame: ScriptedFrame): void {
    const [id = "", destination = ""] = [frame.headers.get("id"), frame.headers.get("destination")];
    if (this.refused.has(destination)) {
      line.send("ERROR", { message: "Not here", "receipt-id": frame.headers.get("receipt") ?? "" });
      if (this.closesOnError) line.socket.end();
      return;
    }
    this.#taken.add({ line, id, destination });
    if (this.isHolding) this.#held.push(() => this.#confirm(line, frame));
    else this.#confirm(line, frame);
  }

  #unsubscribe(line: ScriptedLine, id: string | undefined): void {
    for (const taken of this.#taken) if (taken.line === line && taken.id === id) this.#taken.delete(taken);
  }

  #confirm(line: ScriptedLine, { headers }: ScriptedFrame): void {
    const receipt = headers.get("receipt");
    if (receipt !== undefined && line.socket.writable) line.send("RECEIPT", { "receipt-id": receipt });
  }

  #forget(line: ScriptedLine): void {
    this.#shared.delete(line);
    for (const taken of this.#taken) if (taken.line === line) this.#taken.delete(taken);
  }
}

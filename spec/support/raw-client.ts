import { once } from "node:events";
import WebSocket, { type ClientOptions } from "ws";

/** What the server did next, as a spec writes it: a frame with `^@` for NUL, or how it closed. */
type Event = string | { readonly closed: number };

/**
 * A client that knows nothing of STOMP: it sends the text it is given, and
 * gives the text it is sent. `^@` stands for NUL both ways.
 */
export class RawClient {
  readonly #webSocket: WebSocket;
  readonly #events: Event[] = [];
  readonly #waiting: ((event: Event) => void)[] = [];

  private constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on("message", (data: Buffer) => this.#arrived(data.toString().replaceAll("\0", "^@")));
    webSocket.on("close", (code) => this.#arrived({ closed: code }));
    webSocket.on("error", () => {});
  }

  /** @param options with `ca` it speaks TLS */
  static async open(port: number, path = "/ws", options: ClientOptions = {}): Promise<RawClient> {
    const scheme = options.ca === undefined ? "ws" : "wss";
    const webSocket = new WebSocket(`${scheme}://127.0.0.1:${port}${path}`, ["v12.stomp"], options);
    const client = new RawClient(webSocket);
    await once(webSocket, "open");
    return client;
  }

  /** Opens and sends CONNECT; gives the client when CONNECTED has come. */
  static async connect(
    port: number,
    headers = "",
    path = "/ws",
    options: ClientOptions = {},
  ): Promise<RawClient> {
    const client = await RawClient.open(port, path, options);
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);
    const answer = await client.next();
    if (typeof answer !== "string" || !answer.startsWith("CONNECTED\n")) {
      throw new Error(`no CONNECTED but ${JSON.stringify(answer)}`);
    }
    return client;
  }

  get webSocket(): WebSocket {
    return this.#webSocket;
  }

  send(text: string): void {
    this.#webSocket.send(text.replaceAll("^@", "\0"));
  }

  /** The next thing the server does, if it has not been asked for yet. */
  next(): Promise<Event> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next frame; fails when the server closes instead. */
  async frame(): Promise<string> {
    const event = await this.next();
    if (typeof event !== "string") throw new Error(`closed with ${event.closed} instead of a frame`);
    return event;
  }

  /** The code with which the server closes next; fails when it sends a frame instead. */
  async closed(): Promise<number> {
    const event = await this.next();
    if (typeof event === "string") throw new Error(`a frame instead of a close: ${event}`);
    return event.closed;
  }

  /** Waits until all that was sent has been handled; gives the frames that came meanwhile, and fails when the server closes. */
  async synchronize(): Promise<readonly string[]> {
    const events = await this.outcome();
    return events.map((event) => {
      if (typeof event !== "string")
        throw new Error(`closed with ${event.closed} after ${events.slice(0, -1)}`);
      return event;
    });
  }

  /** Waits until all that was sent has been handled, or the server closes; gives all that it did. */
  async outcome(): Promise<readonly Event[]> {
    const receipt = `sync-${Math.random()}`;
    this.send(`UNSUBSCRIBE\nid:none\nreceipt:${receipt}\n\n^@`);
    const events: Event[] = [];
    for (;;) {
      const event = await this.next();
      if (typeof event === "string" && event.includes(receipt)) return events;
      events.push(event);
      if (typeof event !== "string") return events;
    }
  }

  /** Ends without a STOMP goodbye. */
  cut(): void {
    this.#webSocket.terminate();
  }

  #arrived(event: Event): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(event);
    else this.#events.push(event);
  }
}

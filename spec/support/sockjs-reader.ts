import { post, stream } from "./sockjs-http.js";

/** A STOMP client over SockJS's HTTP transports that comes for its messages as fast as it can. */
export class SockJsReader {
  readonly #port: number;
  readonly #path: string;
  readonly #frames: string[] = [];
  #arrived = () => {};
  #closed: string | undefined;
  #isGone = false;

  private constructor(port: number, path: string) {
    this.#port = port;
    this.#path = path;
  }

  /** Connects, and gives the client when CONNECTED has come. */
  static async connect(port: number, transport: "xhr" | "xhr_streaming"): Promise<SockJsReader> {
    const client = new SockJsReader(port, `/ws/000/${Math.random().toString(36).slice(2)}`);
    const read = transport === "xhr" ? () => client.#poll() : () => client.#stream();
    // Both transports open with a response of their own.
    if (transport === "xhr") await client.#poll();
    void client.#read(read);
    await client.send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:0,0\n\n^@");
    const answer = await client.frame();
    if (!answer.startsWith("CONNECTED\n")) throw new Error(`no CONNECTED but ${answer}`);
    return client;
  }

  async send(text: string): Promise<void> {
    const body = JSON.stringify([text.replaceAll("^@", "\0")]);
    for (;;) {
      const { status } = await post(this.#port, `${this.#path}/xhr_send`, body);
      if (status === 204) return;
      // A session that streams is there when its first response is.
      if (status !== 404 || this.#closed !== undefined) throw new Error(`xhr_send was answered ${status}`);
    }
  }

  /** The next frame, with `^@` for NUL; fails when the server closes instead. */
  async frame(): Promise<string> {
    while (this.#frames.length === 0) {
      if (this.#closed !== undefined) throw new Error(`closed with ${this.#closed} instead of a frame`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.#frames.shift() as string;
  }

  /** Comes for no more. */
  leave(): void {
    this.#isGone = true;
  }

  async #read(read: () => Promise<void>): Promise<void> {
    while (!this.#isGone && this.#closed === undefined) {
      await read().catch((error: unknown) => {
        this.#closed ??= String(error);
      });
    }
    this.#arrived();
  }

  async #poll(): Promise<void> {
    const { status, text } = await post(this.#port, `${this.#path}/xhr`);
    if (status !== 200) throw new Error(`xhr was answered ${status}`);
    this.#take(text.trim());
  }

  async #stream(): Promise<void> {
    const response = await stream(this.#port, `${this.#path}/xhr_streaming`, { method: "POST" });
    void response.ended();
    for (;;) {
      const line = await response.line().catch(() => undefined);
      if (line === undefined || this.#isGone) return response.cut();
      this.#take(line);
    }
  }

  #take(frame: string): void {
    if (frame.startsWith("c")) this.#closed = frame;
    if (frame.startsWith("a")) {
      for (const message of JSON.parse(frame.slice(1)) as string[]) {
        if (message !== "\n") this.#frames.push(message.replaceAll("\0", "^@"));
      }
    }
    this.#arrived();
  }
}

import { EventEmitter, once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";

/** Writes down what was heard, and what the protocol says of it. */
export type Note = (what: string, is: string, wanted?: string) => void;

/** A response that is heard piece by piece. */
export class Listening {
  readonly #res: IncomingMessage;
  readonly #note: Note;
  readonly #events = new EventEmitter();
  #text = "";
  #pieces = 0;
  #isOver = false;

  constructor(res: IncomingMessage, note: Note) {
    this.#res = res;
    this.#note = note;
    res.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
      this.#events.emit("more");
    });
    res.once("close", () => {
      this.#isOver = true;
      this.#events.emit("more");
    });
  }

  /** Hears up to this, or the end. */
  async hear(until: string, wanted?: string): Promise<string> {
    while (!this.#text.includes(until) && !this.#isOver) await once(this.#events, "more");
    const at = this.#text.indexOf(until);
    const piece = at === -1 ? this.#text : this.#text.slice(0, at + until.length);
    this.#text = this.#text.slice(piece.length);
    this.#pieces++;
    this.#note(`piece ${this.#pieces}`, piece, wanted);
    return piece;
  }

  /** Hears the end, and nothing before it. */
  async ends(): Promise<void> {
    while (!this.#isOver) await once(this.#events, "more");
    this.#note("end", this.#text, "");
  }

  /** Leaves in the middle. */
  leave(): void {
    this.#res.destroy();
  }
}

/** A WebSocket. */
export class Talking {
  readonly #ws: WebSocket;
  readonly #note: Note;
  readonly #events = new EventEmitter();
  readonly #messages: string[] = [];
  #heard = 0;
  #wasPinged = false;
  #closing: string | undefined;

  constructor(ws: WebSocket, note: Note) {
    this.#ws = ws;
    this.#note = note;
    ws.on("message", (data) => {
      this.#messages.push(String(data));
      this.#events.emit("more");
    });
    ws.on("close", (code, reason) => {
      this.#closing = `${code} ${reason.toString()}`.trimEnd();
      this.#events.emit("more");
    });
    ws.on("ping", () => {
      this.#wasPinged = true;
      this.#events.emit("more");
    });
    ws.on("error", () => {});
  }

  say(text: string): void {
    this.#ws.send(text);
  }

  /** Hears the next message, or that there is none. */
  async hear(wanted?: string): Promise<void> {
    while (this.#messages.length === 0 && this.#closing === undefined) await once(this.#events, "more");
    this.#heard++;
    this.#note(`message ${this.#heard}`, this.#messages.shift() ?? "no message", wanted);
  }

  /** Hears the first sign of life: a frame, or a ping of WebSocket's own. */
  async signOfLife(): Promise<string> {
    while (this.#messages.length === 0 && !this.#wasPinged) await once(this.#events, "more");
    return this.#messages.shift() ?? "ping";
  }

  /** Hears that the server closes, and nothing before that. */
  async closes(wanted?: string): Promise<void> {
    while (this.#closing === undefined) await once(this.#events, "more");
    this.#note("what else it heard", this.#messages.join());
    this.#note("close", this.#closing, wanted);
  }

  /** Closes; resolves when the server has agreed. */
  async leave(): Promise<void> {
    this.#ws.close();
    while (this.#closing === undefined) await once(this.#events, "more");
    this.#note("close", this.#closing);
  }
}

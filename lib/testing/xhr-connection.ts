import { randomUUID } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import {
  type Connection,
  type ConnectionListener,
  type Handshake,
  HandshakeRefusedError,
  refusedBy,
  textOf,
} from "./transport.js";
import { SockJsReader } from "./web-socket-connection.js";

/** Opens a SockJS session over HTTP requests. @throws HandshakeRefusedError when it is answered otherwise */
export async function openXhr(
  way: "xhr-streaming" | "xhr-polling",
  handshake: Handshake,
  listener: ConnectionListener,
): Promise<Connection> {
  const xhr = new Xhr(way, handshake, listener);
  await xhr.open();
  return xhr;
}

const LINE_BROKE = 1006;

class Xhr implements Connection {
  readonly #way: "xhr-streaming" | "xhr-polling";
  readonly #handshake: Handshake;
  readonly #listener: ConnectionListener;
  readonly #session: string;
  readonly #reader: SockJsReader;
  #isClosed = false;
  #waiting: string[] = [];
  #sending = false;
  #receiving: { destroy(): void } | undefined;

  constructor(way: "xhr-streaming" | "xhr-polling", handshake: Handshake, listener: ConnectionListener) {
    this.#way = way;
    this.#handshake = handshake;
    this.#listener = listener;
    this.#session = `${handshake.path}/000/${randomUUID()}`;
    this.#reader = new SockJsReader({
      bytes: (bytes) => this.#listener.bytes(bytes),
      closed: (code, reason) => this.#close(code, reason),
    });
    // Between two polls there is no line that could break.
    handshake.faults.onCut(() => this.#close(LINE_BROKE, ""));
  }

  /** Resolves when the session's opening frame has come. */
  async open(): Promise<void> {
    const answer = await this.#receive();
    await new Promise<void>((resolve, reject) => {
      this.#read(answer, resolve).then(() => {
        if (this.#reader.isOpen) resolve();
        else reject(new HandshakeRefusedError(answer.statusCode ?? 0, "The session was not opened"));
      }, reject);
    });
  }

  send(bytes: Uint8Array): void {
    this.#waiting.push(Buffer.from(bytes).toString());
    if (!this.#sending) void this.#flush();
  }

  close(): void {
    // A page that leaves: the server hears of it by the line that it sends on.
    this.#receiving?.destroy();
    this.#close(1000, "");
  }

  async #flush(): Promise<void> {
    this.#sending = true;
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const answer = await this.#post("xhr_send", JSON.stringify(this.#waiting.splice(0)));
        await textOf(answer);
        if (answer.statusCode !== 204) this.#close(LINE_BROKE, `xhr_send was answered ${answer.statusCode}`);
      }
    } catch {
      this.#close(LINE_BROKE, "");
    } finally {
      this.#sending = false;
    }
  }

  async #receive(): Promise<IncomingMessage> {
    const answer = await this.#post(this.#way === "xhr-polling" ? "xhr" : "xhr_streaming", "");
    if (answer.statusCode !== 200) throw await refusedBy(answer);
    this.#receiving = answer;
    return answer;
  }

  /** Reads one answer, then asks for the next. Returns with the first, whose rest goes on by itself. */
  async #read(answer: IncomingMessage, opened: () => void): Promise<void> {
    let text = "";
    try {
      for await (const chunk of answer) {
        text += String(chunk);
        const frames = text.split("\n");
        text = frames.pop() ?? "";
        for (const frame of frames) this.#reader.frame(frame);
        if (this.#reader.isOpen) opened();
      }
      if (!this.#isClosed && this.#reader.isOpen) void this.#goOn();
    } catch {
      this.#close(LINE_BROKE, "");
    }
  }

  async #goOn(): Promise<void> {
    try {
      await this.#read(await this.#receive(), () => {});
    } catch (fault) {
      this.#close(LINE_BROKE, String(fault));
    }
  }

  #post(what: string, body: string): Promise<IncomingMessage> {
    const { headers, line } = this.#handshake;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "localhost",
          path: `${this.#session}/${what}`,
          method: "POST",
          headers: { ...headers, "content-type": "text/plain", "content-length": Buffer.byteLength(body) },
          createConnection: line as () => Duplex,
        },
        resolve,
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.closed(code, reason);
  }
}

import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { WebSocket } from "ws";
import { Listening, Talking } from "./lines.js";
import type { ProtocolServer } from "./servers.js";

/** What the protocol's text says of an answer; headers of `undefined` must not be there. */
export interface Expected {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface Said {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Of HTTP or of the moment, and nobody's concern here. */
const IGNORED = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "sec-websocket-accept",
  "transfer-encoding",
]);
const ONE_YEAR = 31_536_000_000;
const NOTHING = "none";

/** A conversation with one server: asks, and writes down the answers. */
export class Dialogue {
  readonly heard = new Map<string, string>();
  readonly expected = new Map<string, string>();
  readonly #server: ProtocolServer;
  readonly #name: string;
  readonly #ends: (() => void)[] = [];
  #steps = 0;
  #sessions = 0;

  /** @param name of the conversation; its sessions are called by it */
  constructor(server: ProtocolServer, name: string) {
    this.#server = server;
    this.#name = name;
  }

  /** Of the server's own pages. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The URL of a session that nobody has used yet. */
  session(service = "/echo", serverId = "000"): string {
    this.#sessions++;
    return `${service}/${serverId}/${this.#name}-${this.#sessions}`;
  }

  get(path: string, expected: Expected = {}, said: Said = {}): Promise<string> {
    return this.ask("GET", path, expected, said);
  }

  /** Sends a request with a body, none unless it is given one. */
  post(path: string, expected: Expected = {}, said: Said = {}): Promise<string> {
    return this.ask("POST", path, expected, said);
  }

  /** Sends a request; gives the body of its answer. */
  async ask(method: string, path: string, expected: Expected, said: Said = {}): Promise<string> {
    const step = this.#step(`${method} ${path}`);
    const res = await this.#answer(this.#request(method, path, said));
    this.#note(step, res, expected);
    const body = await text(res);
    this.fact(step, "body", this.#plain(body), expected.body);
    return body;
  }

  /** Asks for an object; its own facts are for who has asked. */
  async json(path: string, expected: Expected = {}, said: Said = {}): Promise<Record<string, unknown>> {
    const step = this.#step(`GET ${path}`);
    const res = await this.#answer(this.#request("GET", path, said));
    this.#note(step, res, expected);
    return JSON.parse(await text(res)) as Record<string, unknown>;
  }

  /** Asks for the tag of a page. */
  async tag(path: string): Promise<string> {
    const res = await this.#answer(this.#request("GET", path, {}));
    await text(res);
    return String(res.headers.etag);
  }

  /** Sends a request whose answer is heard piece by piece. */
  async stream(method: string, path: string, expected: Expected = {}, said: Said = {}): Promise<Listening> {
    const step = this.#step(`${method} ${path}`);
    const req = this.#request(method, path, said);
    const res = await this.#answer(req);
    this.#note(step, res, expected);
    return new Listening(res, (what, is, wanted) => this.fact(step, what, this.#plain(is), wanted));
  }

  /** Sends a request that is not answered yet. Resolves when the server has it. */
  async wait(method: string, path: string): Promise<{ leave(): void }> {
    const reached = once(this.#server.server, "request");
    const req = this.#request(method, path, {});
    await reached;
    return { leave: () => void req.destroy() };
  }

  /** Writes bytes on a connection of its own; gives what comes back, up to this or to the end. */
  async line(bytes: string, until?: string): Promise<string> {
    const line = connect(this.#server.port, "127.0.0.1");
    this.#ends.push(() => line.destroy());
    line.on("error", () => {});
    line.write(bytes.replaceAll("HOST", `127.0.0.1:${this.#server.port}`));
    let heard = "";
    line.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
      if (until !== undefined && heard.includes(until)) line.destroy();
    });
    await once(line, "close");
    return heard;
  }

  /** Sends messages until they are answered by this status. */
  async until(path: string, status: number): Promise<void> {
    for (let is = 0; is !== status; ) {
      const res = await this.#answer(this.#request("POST", path, { body: "[]" }));
      await text(res);
      is = res.statusCode ?? 0;
    }
  }

  /** Opens a WebSocket; gives what is heard on it. */
  async socket(path: string, said: Said = {}): Promise<Talking> {
    const step = this.#step(`WebSocket ${path}`);
    const ws = new WebSocket(`ws://127.0.0.1:${this.#server.port}${path}`, {
      perMessageDeflate: false,
      headers: { ...said.headers },
    });
    this.#ends.push(() => ws.terminate());
    const talking = new Talking(ws, (what, is, wanted) => this.fact(step, what, is, wanted));
    ws.once("upgrade", (res: IncomingMessage) => this.#note(step, res, { status: 101 }));
    await once(ws, "open");
    return talking;
  }

  /** Writes down a fact, and what the protocol says of it. */
  fact(step: string, what: string, is: string, wanted?: string): void {
    const name = `${step}: ${what}`;
    this.heard.set(name, is);
    if (wanted !== undefined) this.expected.set(name, wanted);
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  #step(what: string): string {
    this.#steps++;
    return `${this.#steps} ${what}`;
  }

  #request(method: string, path: string, { headers = {}, body }: Said): ClientRequest {
    const length =
      body === undefined && method === "GET" ? {} : { "Content-Length": Buffer.byteLength(body ?? "") };
    const req = request({
      host: "127.0.0.1",
      port: this.#server.port,
      path,
      method,
      agent: false,
      headers: { ...length, ...headers },
    });
    req.on("error", () => {});
    this.#ends.push(() => req.destroy());
    req.end(body);
    return req;
  }

  async #answer(req: ClientRequest): Promise<IncomingMessage> {
    const [res] = (await once(req, "response")) as [IncomingMessage];
    res.on("error", () => {});
    return res;
  }

  #note(step: string, res: IncomingMessage, { status, headers = {} }: Expected): void {
    this.fact(step, "status", String(res.statusCode), status === undefined ? undefined : String(status));
    for (const [name, value] of Object.entries(res.headers)) {
      if (!IGNORED.has(name)) this.fact(step, name, this.#header(name, String(value)));
    }
    for (const [name, value] of Object.entries(headers)) {
      const is = res.headers[name];
      this.fact(step, name, is === undefined ? NOTHING : this.#header(name, String(is)), value ?? NOTHING);
    }
  }

  #header(name: string, value: string): string {
    if (name === "etag") return "a tag";
    if (name === "allow") return value.split(", ").sort().join(", ");
    if (name === "expires") {
      const ahead = Date.parse(value) - Date.now();
      return Math.abs(ahead - ONE_YEAR) < 60_000 ? "in a year" : value;
    }
    return this.#plain(value);
  }

  /** Without what differs from one server to another. */
  #plain(text: string): string {
    return text.replaceAll(String(this.#server.port), "PORT");
  }
}

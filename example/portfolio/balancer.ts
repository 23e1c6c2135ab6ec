import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { pipeline } from "node:stream";

const HOST = "127.0.0.1";

/** SockJS's own paths: what comes for one session over HTTP must reach the server that has it. */
const SOCKJS_SESSION = /^\/portfolio\/[^/.]+\/([^/.]+)\//;

/** Spreads requests and WebSockets over servers on this machine. */
export class Balancer {
  readonly server: Server;
  readonly #ports: number[] = [];
  /** Of their own for what stays, or pages that always ask for as many things would send all of that one way. */
  readonly #turns = { request: 0, upgrade: 0 };

  constructor() {
    this.server = createServer((req, res) => {
      const port = this.#choose(req, "request");
      if (port === undefined) {
        res.writeHead(503).end("No server is there.");
        return;
      }

      const { method, url: path } = req;
      // A connection that is kept may be closed by the server just when the next request is on its way.
      const headers = { ...headersOf(req), connection: "close" };
      const onward = request({ host: HOST, port, method, path, headers, agent: false });
      onward.on("response", (answer) => {
        const { connection: _, ...answered } = answer.headers;
        res.writeHead(answer.statusCode ?? 502, answered);
        pipeline(answer, res, () => {});
      });
      onward.on("error", () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
      res.on("close", () => onward.destroy());
      req.pipe(onward);
    });
    this.server.on("upgrade", (req, socket: Socket, head) => this.#upgrade(req, socket, head));
  }

  add(port: number): void {
    this.#ports.push(port);
  }

  /** Sends nobody there any more; those who are must see for themselves. */
  remove(port: number): void {
    const place = this.#ports.indexOf(port);
    if (place >= 0) this.#ports.splice(place, 1);
  }

  /** Gives the servers their turns, and a SockJS session always the same one. */
  #choose({ url = "" }: IncomingMessage, kind: "request" | "upgrade"): number | undefined {
    const session = SOCKJS_SESSION.exec(url)?.[1];
    if (session === undefined) return this.#ports[this.#turns[kind]++ % this.#ports.length];

    // The highest wins: when a server goes, the sessions of the others stay where they are.
    const rank = (port: number) => createHash("sha256").update(`${session} ${port}`).digest("hex");
    return this.#ports.toSorted((one, other) => (rank(one) < rank(other) ? 1 : -1))[0];
  }

  /** Hands the handshake on as it came; from then on it is bytes, both ways. */
  #upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const port = this.#choose(req, "upgrade");
    if (port === undefined) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      return;
    }
    const onward = connect(port, HOST);
    const lines = Object.entries(headersOf(req)).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
    );
    onward.write(`${req.method} ${req.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    onward.write(head);
    pipeline(socket, onward, socket, () => {});
  }
}

function headersOf({ headers, socket }: IncomingMessage) {
  const before = headers["x-forwarded-for"];
  const address = socket.remoteAddress ?? "";
  return { ...headers, "x-forwarded-for": before ? `${before}, ${address}` : address };
}

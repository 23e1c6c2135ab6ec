import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { CERTIFICATE, KEY } from "./certificate.js";

/** A proxy that ends TLS in front of a server on loopback, and says so as proxies do: `X-Forwarded-Proto`. */
export class TlsProxy {
  readonly #server: Server;
  readonly #port: number;
  readonly #lines = new Set<Socket>();

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer({ key: KEY, cert: CERTIFICATE }, (req, res) => {
      const { method, url: path } = req;
      const headers = { ...headersOf(req), connection: "close" };
      const onward = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
      onward.on("response", (answer) => {
        const { connection: _, ...answered } = answer.headers;
        res.writeHead(answer.statusCode ?? 502, answered);
        pipeline(answer, res, () => {});
      });
      onward.on("error", () => res.destroy());
      res.on("close", () => onward.destroy());
      req.pipe(onward);
    });
    this.#server.on("upgrade", (req, line: Socket, head) => this.#upgrade(req, line, head));
    this.#server.on("connection", (line: Socket) => {
      this.#lines.add(line);
      line.once("close", () => this.#lines.delete(line));
    });
  }

  /** @param port of the server behind */
  static async open(port: number): Promise<TlsProxy> {
    const proxy = new TlsProxy(port);
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get origin(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.destroy();
    await once(this.#server.close(), "close");
  }

  #upgrade(req: IncomingMessage, line: Socket, head: Buffer): void {
    const onward = connect(this.#port, "127.0.0.1");
    const lines = Object.entries(headersOf(req)).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    onward.write(`${req.method} ${req.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    onward.write(head);
    pipeline(line, onward, line, () => {});
  }
}

function headersOf({ headers, socket }: IncomingMessage) {
  return { ...headers, "x-forwarded-proto": "https", "x-forwarded-for": socket.remoteAddress };
}

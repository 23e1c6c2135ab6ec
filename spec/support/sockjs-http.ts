import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** The address the client has on this machine. */
  readonly localAddress?: string;
}

/** A request as a browser's, on a connection of its own. */
export async function http(port: number, path: string, options: HttpOptions = {}): Promise<Answer> {
  const { res } = await send(port, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return { status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString() };
}

export async function post(
  port: number,
  path: string,
  body = "",
  options: HttpOptions = {},
): Promise<Answer> {
  return await http(port, path, { ...options, method: "POST", body });
}

/** A response that is read piece by piece. */
export interface HttpStream {
  readonly res: IncomingMessage;
  /** The next line that is not empty. */
  line(): Promise<string>;
  /** Resolves when the response is whole. */
  ended(): Promise<void>;
  cut(): void;
}

export async function stream(port: number, path: string, options: HttpOptions = {}): Promise<HttpStream> {
  const { req, res } = await send(port, path, options);
  let text = "";
  let hasEnded = false;
  let wake = () => {};
  res.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    res.on("close", () => {
      hasEnded = true;
      wake();
      resolve();
    });
  });
  // Being cut off is an end too.
  res.on("error", () => {});
  return {
    res,
    async line() {
      for (;;) {
        const end = text.indexOf("\n");
        if (end === -1) {
          if (hasEnded) throw new Error(`The response ended after: ${text}`);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const line = text.slice(0, end).trimEnd();
        text = text.slice(end + 1);
        if (line !== "") return line;
      }
    },
    ended: () => ended,
    cut: () => void req.destroy(),
  };
}

async function send(
  port: number,
  path: string,
  { method = "GET", headers = {}, body, localAddress }: HttpOptions,
): Promise<{ req: ClientRequest; res: IncomingMessage }> {
  const address = localAddress === undefined ? {} : { localAddress };
  const all = { Connection: "keep-alive", ...headers };
  const req = request({ host: "127.0.0.1", port, path, method, headers: all, agent: false, ...address });
  req.end(body);
  const [res] = (await once(req, "response")) as [IncomingMessage];
  req.on("error", () => {});
  return { req, res };
}

/** Opens a session by its first poll. */
export async function openPolling(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const answer = await post(port, `${path}/xhr`, "", { headers });
  if (answer.status !== 200 || answer.text !== "o\n") throw new Error(`${answer.status} ${answer.text}`);
}

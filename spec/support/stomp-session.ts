import { RawClient } from "./raw-client.js";

/** A frame of the server, as specs of the broker look at it. */
export interface ReadFrame {
  readonly command: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A client that is connected, speaks one STOMP version, and reads frames by their headers. */
export class StompSession {
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async connect(
    port: number,
    version = "1.2",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<StompSession> {
    const client = await RawClient.open(port);
    const session = new StompSession(client);
    session.send("CONNECT", { "accept-version": version, host: "spec", ...headers });
    const { command } = await session.frame();
    if (command !== "CONNECTED") throw new Error(`${command} instead of CONNECTED`);
    return session;
  }

  send(command: string, headers: Readonly<Record<string, string | number>> = {}, body = ""): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#client.send(`${command}\n${lines.join("")}\n${body}^@`);
  }

  /** The next frame; fails when the server closes instead. */
  async frame(): Promise<ReadFrame> {
    return parseFrame(await this.#client.frame());
  }

  /** Sends a frame that the server refuses, and gives what its ERROR says. */
  async refusal(
    command: string,
    headers: Readonly<Record<string, string | number>>,
    body = "",
  ): Promise<string> {
    this.send(command, { ...headers, receipt: "refused?" }, body);
    for (;;) {
      const frame = await this.frame();
      if (frame.command === "MESSAGE") continue;
      if (frame.command !== "ERROR") throw new Error(`${frame.command} instead of ERROR`);
      const code = await this.#client.closed();
      if (code !== 1002) throw new Error(`closed with ${code} instead of 1002`);
      return (frame.headers.get("message") ?? "").replaceAll("\\c", ":");
    }
  }

  /** The messages that have come, once all that was sent has been handled. */
  async messages(): Promise<readonly ReadFrame[]> {
    const frames = await this.#client.synchronize();
    return frames.map(parseFrame);
  }

  /** The bodies of those messages. */
  async bodies(): Promise<readonly string[]> {
    return (await this.messages()).map(({ body }) => body);
  }

  /** Reads nothing any more, so that the server waits for it when it closes. */
  pause(): void {
    this.#client.webSocket.pause();
  }

  /** Ends without a STOMP goodbye. */
  cut(): void {
    this.#client.cut();
  }
}

/** Reads a frame; escapes stay as they are. */
export function parseFrame(text: string): ReadFrame {
  const end = text.indexOf("\n\n");
  const [command = "", ...lines] = text.slice(0, end).split("\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (!headers.has(line.slice(0, colon))) headers.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return { command, headers, body: text.slice(end + 2).replace(/\^@$/, "") };
}

import { Client, type IMessage } from "@stomp/stompjs";
import { type PlaceOptions, resuming } from "express-stomp/client";
import WebSocket from "ws";
import { StompStub } from "./stomp-stub.js";

/** Settles when as many are there, or more. */
export class Log extends Array<string> {
  #waiting: (() => void)[] = [];

  note(text: string): void {
    this.push(text);
    for (const look of this.#waiting) look();
  }

  async until(count: number): Promise<readonly string[]> {
    while (this.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return [...this];
  }
}

/** A client that resumes, and the server's end of its lines. */
export class ResumingStage {
  stub!: StompStub;
  client!: Client;
  log!: Log;

  readonly open = async () => {
    this.stub = await StompStub.open();
    this.client = new Client({
      webSocketFactory: () => new WebSocket(this.stub.url, ["v12.stomp"]),
      reconnectDelay: 1,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    });
    this.log = new Log();
  };

  readonly close = async () => {
    this.stub.close();
    await this.client.deactivate({ force: true });
  };

  readonly take = ({ body }: IMessage) => this.log.note(body);
  readonly onReload = () => this.log.note("reload");

  readonly subscribe = (options: PlaceOptions = {}) =>
    resuming(this.client).subscribe("/topic/a", this.take, {
      onReload: this.onReload,
      onEnd: (reason) => this.log.note(`end: ${reason}`),
      ...options,
    });

  /** What the next line is asked for; with the answer of a server that has history, if it has. */
  readonly subscribed = async (recovered?: boolean, position?: string, replayed = 0) => {
    const line = await this.stub.line();
    const subscribe = await line.until("SUBSCRIBE");
    const id = subscribe.headers.get("id") ?? "";
    const asked = subscribe.headers.get("since") ?? subscribe.headers.get("x-stream-offset");
    let message = 0;
    function send(headers: Record<string, string | number>, body = "") {
      line.send(
        "MESSAGE",
        { destination: "/topic/a", subscription: id, ack: `a${++message}`, ...headers },
        body,
      );
    }
    if (recovered !== undefined) {
      send({ recovered: `${recovered}`, replayed, "message-id": position ?? asked ?? "" });
      line.confirm(subscribe);
    }
    return { line, asked, subscribe, send };
  };
}

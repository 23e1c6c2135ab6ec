import type { TestConnectOptions } from "express-stomp/testing";
import type { Response } from "supertest";
import { RawClient } from "../../support/raw-client.js";
import { PageVisitor } from "../shared/page-visitor.js";

const PASSWORD = "a long password";

/** Someone at the chat's pages, and connected as they are. */
export class Visitor extends PageVisitor {
  readonly #port: number;

  constructor(origin: string, language?: string) {
    super(origin, language);
    this.#port = Number(new URL(origin).port);
  }

  signUp(name: string, password = PASSWORD): Promise<Response> {
    return this.post("/signup", { name, password });
  }

  override logIn(name: string, password = PASSWORD): Promise<Response> {
    return super.logIn(name, password);
  }

  logOut(): Promise<Response> {
    return this.post("/logout", {}, "/chat/rooms");
  }

  /** Opens a room, and gives its id. */
  async openRoom(name: string): Promise<string> {
    await this.post("/chat/room", { name }, "/chat/rooms");
    const [, id] = /roomId=([0-9a-f-]{36})/.exec((await this.get("/chat/rooms")).text) ?? [];
    if (id === undefined) throw new Error(`The room ${name} was not opened`);
    return id;
  }

  /** Opens a WebSocket, and says nothing yet. */
  handshake(): Promise<RawClient> {
    return RawClient.open(this.#port, "/stomp/chat", { headers: { cookie: this.cookie() } });
  }

  /** What CONNECT carries besides. */
  async connectHeaders(): Promise<string> {
    const { headerName, token } = (await this.get("/stomp/csrf")).body;
    return `${headerName}:${token}\n`;
  }

  /** What a page connects with, for a client of the kit. */
  async connectOptions(): Promise<TestConnectOptions> {
    const { headerName, token } = (await this.get("/stomp/csrf")).body;
    return { requestHeaders: { cookie: this.cookie() }, headers: { [headerName]: token } };
  }

  /** Opens a connection, as a page does. */
  async connect(): Promise<RawClient> {
    const headers = `heart-beat:0,0\n${await this.connectHeaders()}`;
    return RawClient.connect(this.#port, headers, "/stomp/chat", { headers: { cookie: this.cookie() } });
  }
}

/** SEND with a body in JSON. */
export function send(destination: string, body: unknown, headers = ""): string {
  return `SEND\ndestination:${destination}\ncontent-type:application/json\n${headers}\n${JSON.stringify(body)}^@`;
}

export function subscribe(destination: string, id = destination): string {
  return `SUBSCRIBE\nid:${id}\ndestination:${destination}\n\n^@`;
}

/** The body of a frame, from JSON. */
export function bodyOf(frame: string): unknown {
  return JSON.parse(frame.slice(frame.indexOf("\n\n") + 2, frame.lastIndexOf("^@")));
}

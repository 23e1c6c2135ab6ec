import type { Browser } from "playwright-core";
import { ForkedServer } from "../../support/forked-server.js";
import { Guests } from "./guests.js";
import type { Person } from "./person.js";

/** When a chat dies: a message is in the database then. */
export type Moment = "before it is told" | "before its receipt";

/** A chat in a process of its own, which may be killed, and the people who came. */
export class ChatProcess extends Guests {
  readonly #databaseUrl: string;
  #server: ForkedServer;

  private constructor(browser: Browser, databaseUrl: string, server: ForkedServer) {
    super(browser);
    this.#databaseUrl = databaseUrl;
    this.#server = server;
  }

  static async open(browser: Browser, databaseUrl: string): Promise<ChatProcess> {
    return new ChatProcess(browser, databaseUrl, await run(databaseUrl, 0));
  }

  override get port(): number {
    return this.#server.port;
  }

  /** Lets the process die at the next message. */
  async doom(moment: Moment): Promise<void> {
    await this.#hold();
    await this.#server.tell(moment);
  }

  /** Ends Mina's session, and lets her come back when she is told to. */
  async sendAway(mina: Person): Promise<void> {
    await mina.hold();
    await this.#server.tell("without Mina");
    await mina.reconnecting();
  }

  async kill(): Promise<void> {
    await this.#hold();
    await this.#server.kill();
  }

  /** Resolves when the process has died by itself. */
  died(): Promise<void> {
    return this.#server.exited;
  }

  /** Starts it again, on the port and the database that it had, and lets these people come back. */
  async restart(...people: readonly Person[]): Promise<void> {
    this.#server = await run(this.#databaseUrl, this.port);
    for (const person of people) await person.release();
    await Promise.all(people.map((person) => person.connected()));
  }

  async close(): Promise<void> {
    await this.leave();
    await this.#server.kill();
  }

  async #hold(): Promise<void> {
    for (const person of this.people) await person.hold();
  }
}

function run(databaseUrl: string, port: number): Promise<ForkedServer> {
  return ForkedServer.start("../example/chat/chat-program.js", databaseUrl, String(port));
}

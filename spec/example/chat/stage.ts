import type { Browser } from "playwright-core";
import { type Chat, type ChatOptions, createChat } from "../../../example/chat/app.js";
import { recordingLogger } from "../../support/recording.js";
import { Guests } from "./guests.js";

type StageOptions = Pick<ChatOptions, "proxies" | "clock">;

/** A chat of its own, in this process, and the people who came. */
export class Stage extends Guests {
  readonly #databaseUrl: string;
  readonly #options: StageOptions;
  readonly #logger = recordingLogger();
  #chat: Chat | undefined;
  #port = 0;

  private constructor(browser: Browser, databaseUrl: string, options: StageOptions) {
    super(browser);
    this.#databaseUrl = databaseUrl;
    this.#options = options;
  }

  static async open(browser: Browser, databaseUrl: string, options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(browser, databaseUrl, options);
    await stage.startChat();
    return stage;
  }

  get chat(): Chat {
    return this.#chat!;
  }

  /** What the chat has logged. */
  get log(): readonly string[] {
    return this.#logger.lines;
  }

  override get port(): number {
    return this.#port;
  }

  /** Starts the chat, again on the port and the database that it had. */
  async startChat(): Promise<void> {
    this.#chat = await createChat({
      databaseUrl: this.#databaseUrl,
      logger: this.#logger,
      ...this.#options,
    });
    this.#port = await this.#chat.listen(this.#port, "127.0.0.1");
  }

  async close(): Promise<void> {
    await this.leave();
    await this.chat.close();
  }
}

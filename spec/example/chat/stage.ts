import type { Browser } from "playwright-core";
import { type Chat, type ChatOptions, createChat } from "../../../example/chat/app.js";
import { recordingLogger } from "../../support/recording.js";
import type { PageOptions } from "../shared/browser-person.js";
import { Person } from "./person.js";

type StageOptions = Pick<ChatOptions, "proxies">;

/** A chat of its own, and the people who came. */
export class Stage {
  readonly #browser: Browser;
  readonly #databaseUrl: string;
  readonly #people: Person[] = [];
  readonly #options: StageOptions;
  readonly #logger = recordingLogger();
  #chat: Chat | undefined;
  #port = 0;

  private constructor(browser: Browser, databaseUrl: string, options: StageOptions) {
    this.#browser = browser;
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

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
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

  async person(name: string, options?: PageOptions): Promise<Person> {
    const person = await Person.open(this.#browser, this.origin, name, options);
    this.#people.push(person);
    return person;
  }

  /** Mina opens a room; she and Jun are in it. */
  async twoInARoom(prepare: (person: Person) => Promise<void> = async () => {}): Promise<[Person, Person]> {
    const [mina, jun] = [await this.person("Mina"), await this.person("Jun")];
    for (const person of [mina, jun]) {
      await prepare(person);
      await person.signUp();
    }
    await mina.openRoom("Tea house");
    await mina.enter("Tea house");
    await jun.page.reload();
    await jun.enter("Tea house");
    await mina.page.getByText("Jun joined the room.").waitFor();
    return [mina, jun];
  }

  async close(): Promise<void> {
    for (const person of this.#people) await person.close();
    await this.chat.close();
  }
}

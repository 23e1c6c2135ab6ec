import type { Browser } from "playwright-core";
import { type Chat, type ChatOptions, createChat } from "../../../example/chat/app.js";
import { recordingLogger } from "../../support/recording.js";
import type { PageOptions } from "../shared/browser-person.js";
import { Person } from "./person.js";
import { Visitor } from "./visitor.js";

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

  /**
   * Mina opens a room, and she and Jun are in it. Each page is loaded once:
   * they have signed up already, since a browser takes long over forms.
   */
  async twoInARoom(prepare: (person: Person) => Promise<void> = async () => {}): Promise<[Person, Person]> {
    const [mina, jun] = [await this.member("Mina"), await this.member("Jun")];
    const room = await mina.visitor.openRoom("Tea house");
    for (const { person } of [mina, jun]) {
      await prepare(person);
      await person.page.goto(`${this.origin}/chat/room?roomId=${room}`);
      await person.connected();
    }
    await mina.person.page.getByText("Jun joined the room.").waitFor();
    return [mina.person, jun.person];
  }

  /** The same, by every page on the way: Mina and Jun sign up, Mina opens a room, both enter it. */
  async twoWhoCameByThePages(): Promise<[Person, Person]> {
    const [mina, jun] = [await this.person("Mina"), await this.person("Jun")];
    for (const person of [mina, jun]) await person.signUp();
    await mina.openRoom("Tea house");
    await mina.enter("Tea house");
    await jun.page.reload();
    await jun.enter("Tea house");
    await mina.page.getByText("Jun joined the room.").waitFor();
    return [mina, jun];
  }

  /** Somebody who has signed up; their browser has the cookie, and no page yet. */
  async member(name: string): Promise<{ person: Person; visitor: Visitor }> {
    const visitor = new Visitor(this.origin);
    await visitor.signUp(name);
    const person = await this.person(name);
    await person.takeCookie(visitor.cookie());
    return { person, visitor };
  }

  async close(): Promise<void> {
    for (const person of this.#people) await person.close();
    await this.chat.close();
  }
}

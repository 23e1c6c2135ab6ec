import type { Browser } from "playwright-core";
import type { PageOptions } from "../shared/browser-person.js";
import { Person } from "./person.js";
import { Visitor } from "./visitor.js";

/** The people who came to a chat, which runs wherever its port is. */
export abstract class Guests {
  readonly #browser: Browser;
  protected people: Person[] = [];
  /** Those who have signed up, by name: they do it once, since the hash of a password takes long. */
  readonly #visitors = new Map<string, Visitor>();

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  protected abstract get port(): number;

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async person(name: string, options?: PageOptions, browser = this.#browser): Promise<Person> {
    const person = await Person.open(browser, this.origin, name, options);
    this.people.push(person);
    return person;
  }

  /**
   * Mina opens a room, and she and Jun are in it. Each page is loaded once:
   * they have signed up already, since a browser takes long over forms.
   */
  async twoInARoom(
    prepare: (person: Person) => Promise<void> = async () => {},
    { browserOfJun = this.#browser, originOfJun = this.origin } = {},
  ): Promise<[Person, Person]> {
    const [mina, jun] = [await this.member("Mina"), await this.member("Jun", browserOfJun)];
    for (const person of [mina, jun]) await prepare(person);
    await this.enterANewRoom(mina, jun, originOfJun);
    return [mina, jun];
  }

  /** Mina opens a room, and the pages of both go there. */
  async enterANewRoom(mina: Person, jun: Person, originOfJun = this.origin): Promise<void> {
    const room = await (await this.visitor("Mina")).openRoom("Tea house");
    for (const person of [mina, jun]) {
      const origin = person === jun ? originOfJun : this.origin;
      await person.page.goto(`${origin}/chat/room?roomId=${room}`);
      await person.connected();
    }
    await mina.page.getByText("Jun joined the room.").waitFor();
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
  async member(name: string, browser = this.#browser): Promise<Person> {
    const visitor = await this.visitor(name);
    const person = await this.person(name, {}, browser);
    await person.takeCookie(visitor.cookie());
    return person;
  }

  /** Somebody who has signed up, and is at no page. */
  async visitor(name: string): Promise<Visitor> {
    let visitor = this.#visitors.get(name);
    if (!visitor) {
      visitor = new Visitor(this.origin);
      await visitor.signUp(name);
      this.#visitors.set(name, visitor);
    }
    return visitor;
  }

  /** Everybody leaves. */
  async leave(): Promise<void> {
    for (const person of this.people) await person.close();
    this.people = [];
  }
}

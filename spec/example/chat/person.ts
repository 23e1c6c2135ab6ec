import type { Browser, Route } from "playwright-core";
import { BrowserPerson, type OpenPage, openPage, type PageOptions } from "../shared/browser-person.js";

const PASSWORD = "a long password";

/** A person at a browser of their own, doing what people do at the chat. */
export class Person extends BrowserPerson {
  readonly name: string;
  readonly #origin: string;
  #held: Route[] = [];

  private constructor(name: string, origin: string, opened: OpenPage) {
    super(opened);
    this.name = name;
    this.#origin = origin;
  }

  static async open(browser: Browser, origin: string, name: string, options?: PageOptions): Promise<Person> {
    return new Person(name, origin, await openPage(browser, options));
  }

  /** Is logged in from now on, without a form: `name=value`. */
  async takeCookie(cookie: string): Promise<void> {
    const [name = "", value = ""] = cookie.split(/=(.*)/s);
    await this.page.context().addCookies([{ name, value, url: this.#origin }]);
  }

  /** Signs up, which ends at the rooms. */
  async signUp(): Promise<void> {
    await this.page.goto(`${this.#origin}/chat/rooms`);
    await this.fillLogin(this.name, PASSWORD);
    await this.page.click("[formaction='/signup']");
    await this.page.waitForURL("**/chat/rooms");
  }

  async logIn(): Promise<void> {
    await this.page.goto(`${this.#origin}/chat/rooms`);
    await this.fillLogin(this.name, PASSWORD);
    await this.page.click("button.primary");
    await this.page.waitForURL("**/chat/rooms");
  }

  async openRoom(name: string): Promise<void> {
    await this.page.fill(".open-room [name=name]", name);
    await this.page.click(".open-room button");
    await this.page.waitForSelector(".notice");
  }

  /** Goes from the rooms into one, and waits until it is connected. */
  async enter(room: string): Promise<void> {
    await this.page.click(`li a:has-text("${room}")`);
    await this.connected();
  }

  async reconnecting(): Promise<void> {
    await this.page.waitForSelector("#connection[data-state=reconnecting]", { state: "attached" });
  }

  /**
   * Lets all new requests to the messaging wait, WebSocket handshakes included, since SockJS asks for `/info` first. A
   * page that is refused would wait longer each time, before it tries again.
   */
  async hold(): Promise<void> {
    await this.page.route("**/stomp/**", (route) => void this.#held.push(route));
  }

  /** Lets them go on. */
  async release(): Promise<void> {
    await this.page.route("**/stomp/**", (route) => route.continue());
    // The page may have given some of them up.
    for (const route of this.#held) await route.continue().catch(() => {});
    this.#held = [];
    await this.page.unroute("**/stomp/**");
  }

  /** Types a message, and sends it by Enter. */
  async say(text: string): Promise<void> {
    await this.page.fill("#message", text);
    await this.page.press("#message", "Enter");
  }

  /** Waits until the page shows a bubble of exactly this text, and gives it. */
  async sees(text: string) {
    const bubble = this.page.locator(".message").filter({ has: this.page.getByText(text, { exact: true }) });
    await bubble.waitFor();
    return bubble;
  }

  /** Waits until the page shows that exactly these are in the room. */
  async seesPresent(...names: string[]): Promise<void> {
    const item = (number: number | string) => this.page.locator(`#present li:nth-child(${number})`);
    for (const [i, name] of names.entries()) {
      await item(i + 1)
        .filter({ has: this.page.getByText(name, { exact: true }) })
        .waitFor();
    }
    await item(`n + ${names.length + 1}`)
      .first()
      .waitFor({ state: "detached" });
  }

  /** All bubbles, as `writer: text`. */
  messages(): Promise<string[]> {
    return this.page.$$eval(".message", (items) =>
      items.map((item) => {
        const [writer, text] = [item.querySelector(".writer"), item.querySelector(".text")];
        return `${writer?.textContent}: ${text?.textContent}`;
      }),
    );
  }
}

import type { Browser, BrowserContext, Page } from "playwright-core";

/** Language, screen and the like. */
export type PersonOptions = NonNullable<Parameters<Browser["newContext"]>[0]>;

const PASSWORD = "a long password";

/** A person at a browser of their own, doing what people do at the chat. */
export class Person {
  readonly name: string;
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #origin: string;
  /** What went wrong in the page: uncaught errors, and what the security policy forbade. */
  readonly faults: string[] = [];

  private constructor(name: string, origin: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.#origin = origin;
    this.#context = context;
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (line) => {
      if (line.text().includes("Content Security Policy")) this.faults.push(line.text());
    });
  }

  static async open(
    browser: Browser,
    origin: string,
    name: string,
    options: PersonOptions = {},
  ): Promise<Person> {
    const context = await browser.newContext({ locale: "en-US", ...options });
    return new Person(name, origin, context, await context.newPage());
  }

  /** Signs up, which ends at the rooms. */
  async signUp(): Promise<void> {
    await this.page.goto(`${this.#origin}/chat/rooms`);
    await this.page.fill("[name=name]", this.name);
    await this.page.fill("[name=password]", PASSWORD);
    await this.page.click("[formaction='/signup']");
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

  async connected(): Promise<void> {
    await this.page.waitForSelector("#connection[data-state=connected]", { state: "attached" });
  }

  async reconnecting(): Promise<void> {
    await this.page.waitForSelector("#connection[data-state=reconnecting]", { state: "attached" });
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

  /** All bubbles, as `writer: text`. */
  messages(): Promise<string[]> {
    return this.page.$$eval(".message", (items) =>
      items.map((item) => {
        const [writer, text] = [item.querySelector(".writer"), item.querySelector(".text")];
        return `${writer?.textContent}: ${text?.textContent}`;
      }),
    );
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

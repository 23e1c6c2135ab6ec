import type { Browser, Page } from "playwright-core";

/** Language, screen and the like. */
export type PageOptions = NonNullable<Parameters<Browser["newContext"]>[0]>;

export interface OpenPage {
  readonly page: Page;
  readonly faults: readonly string[];
}

/** Someone at an example's page, in a browser profile of their own. */
export class BrowserPerson {
  readonly page: Page;
  /** The page's faults: uncaught errors, and violations of its security policy. */
  readonly faults: readonly string[];

  constructor({ page, faults }: OpenPage) {
    this.page = page;
    this.faults = faults;
  }

  /** Waits until the page says that it is connected. */
  async connected(): Promise<void> {
    await this.page.waitForSelector("#connection[data-state=connected]", { state: "attached" });
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  protected async fillLogin(name: string, password: string): Promise<void> {
    await this.page.fill("[name=name]", name);
    await this.page.fill("[name=password]", password);
  }
}

/** Opens a page in a browser profile of its own. */
export async function openPage(browser: Browser, options: PageOptions = {}): Promise<OpenPage> {
  // Anything that moves is painted without end, which keeps a slow machine from all else.
  const context = await browser.newContext({ locale: "en-US", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(50_000);

  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (line) => {
    if (line.text().includes("Content Security Policy")) faults.push(line.text());
  });
  return { page, faults };
}

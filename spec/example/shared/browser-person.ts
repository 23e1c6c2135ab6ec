import type { Browser, Page } from "playwright-core";

/** Language, screen and the like. */
export type PageOptions = NonNullable<Parameters<Browser["newContext"]>[0]>;

export interface OpenPage {
  readonly page: Page;
  /** What went wrong in the page: uncaught errors, and what the security policy forbade. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Opens a page in a browser profile of its own. */
export async function openPage(browser: Browser, options: PageOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);

  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (line) => {
    if (line.text().includes("Content Security Policy")) faults.push(line.text());
  });
  return { page, faults, close: () => context.close() };
}

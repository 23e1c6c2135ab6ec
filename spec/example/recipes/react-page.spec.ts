import { expect } from "chai";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { openPage } from "../shared/browser-person.js";
import { cook } from "./kitchen.js";

describe("The recipe react-page", function () {
  this.timeout(120_000);

  let browser: Browser | undefined;
  let close: (() => Promise<void>) | undefined;

  after(async () => {
    await browser?.close();
    await close?.();
  });

  it("hears each message once, in StrictMode, after other renderings, and connected again", async function () {
    browser = await launchChromium(this);
    const kitchen = await cook(() => import("../../../example/recipes/react-page.js"));
    close = kitchen.close;
    const { messaging } = kitchen.recipe;
    const sessions: string[] = [];
    messaging.on("connected", ({ sessionId }) => void sessions.push(sessionId));
    const { page, faults } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${kitchen.port}/`);

    const said: string[] = [];
    async function say(text: string): Promise<void> {
      said.push(text);
      await page.fill("[name=text]", text);
      await page.click("[type=submit]:enabled");
      await page.getByText(text, { exact: true }).waitFor();
    }
    for (const text of ["one", "two", "three"]) await say(text);
    messaging.disconnect({ sessionId: sessions[0]! }, "Connect again");
    await page.getByText("Connecting …").waitFor();
    for (const text of ["missed", "missed, too"]) {
      said.push(text);
      await messaging.template.convertAndSend("/topic/chat", { text });
    }
    await page.getByText("Connected").waitFor();
    await say("four");

    expect(await page.locator("li").allTextContents()).to.deep.equal(said);
    expect(sessions).to.have.length(2);
    expect(faults).to.deep.equal([]);
  });
});

import { expect } from "chai";
import type { Browser } from "playwright-core";
import { createPortfolio, type PortfolioServer } from "../../../example/portfolio/app.js";
import { launchChromium } from "../../support/chromium.js";
import { newFile, onEachDatabase } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { axeFaults } from "../shared/axe.js";
import type { PageOptions } from "../shared/browser-person.js";
import { type AccountName, passwordOf } from "./investor.js";
import { Trader } from "./trader.js";

describe("the page of the portfolio", function () {
  this.timeout(120_000);

  let browser: Browser;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  let url: string;
  let portfolio: PortfolioServer;
  let port = 0;
  let traders: Trader[];

  async function start(quoteIntervalMs = 1000) {
    const fast = { tradeDelayMs: 20, quoteIntervalMs };
    portfolio = await createPortfolio({ databaseUrl: url, ...fast, logger: recordingLogger() });
    port = await portfolio.listen(port, "127.0.0.1");
  }

  async function trader(name: AccountName, options?: PageOptions) {
    const one = await Trader.open(browser, `http://127.0.0.1:${port}`, name, options);
    traders.push(one);
    return one;
  }

  beforeEach(async () => {
    traders = [];
    port = 0;
    url = await newFile();
  });

  afterEach(async () => {
    for (const one of traders) await one.close();
    await portfolio.close();
  });

  onEachDatabase((newDatabase) => {
    it("lets two people trade, shows them the price move, and what they cannot do", async () => {
      url = await newDatabase();
      await start();
      const [fabrice, paulson] = [await trader("fabrice"), await trader("paulson")];
      await fabrice.seesPriceMove("MSFT");
      await paulson.seesPriceMove("GOOG");

      await fabrice.trade("Buy", 10, "MSFT");
      await fabrice.isTold(/^Bought 10 MSFT at \$\d+\.\d\d\.$/);
      expect(await fabrice.shares("MSFT")).to.equal("43");

      await paulson.trade("Sell", 5, "GOOG");
      await paulson.isTold(/^Sold 5 GOOG at /);
      expect(await paulson.shares("GOOG")).to.equal("–");

      await paulson.trade("Sell", 1, "MSFT");
      await paulson.isTold(/^You cannot sell 1 MSFT: you have none\.$/);
      await fabrice.trade("Buy", 1000, "GOOG");
      await fabrice.isTold(/^1,000 GOOG cost \$[\d,.]+, and you have \$9,[\d,.]+\.$/);

      expect([...fabrice.faults, ...paulson.faults]).to.deep.equal([]);
      const told = await fabrice.messages();
      for (const text of await paulson.messages()) expect(told).to.not.include(text);
    });

    it("shows after a reload what was traded, and what one has", async () => {
      url = await newDatabase();
      await start(3_600_000);
      const fabrice = await trader("fabrice");
      await fabrice.trade("Sell", 33, "MSFT");
      await fabrice.isTold("Sold 33 MSFT at $34.15.");
      await fabrice.page.reload();
      await fabrice.connected();

      await fabrice.isTold("Sold 33 MSFT at $34.15.");
      expect(await fabrice.shares("MSFT")).to.equal("–");
      expect(await fabrice.page.textContent("#cash")).to.equal("$11,126.95");
    });
  });

  describe("with prices and trades", () => {
    it("leads strangers to the login, which says who they may be and when they are wrong", async () => {
      await start();
      const stranger = await trader("fabrice").then((one) => one.logOut());
      await stranger.page.goto(`http://127.0.0.1:${port}/`);
      expect(new URL(stranger.page.url()).pathname).to.equal("/login");
      expect(await stranger.page.textContent(".accounts")).to.match(/fabrice\s+with\s+fab123/);

      await stranger.logIn("wrong");
      expect(await stranger.page.textContent("[role=alert]")).to.equal("Name or password is wrong.");
      await stranger.logIn();
      await stranger.connected();
    });

    it("asks by a dialog that tells what a trade comes to, and can be left by Escape", async () => {
      await start(3_600_000);
      const { page } = await trader("fabrice");
      await page.click("[aria-label='Buy MSFT']");
      await page.fill("[name=shares]", "10");
      expect(await page.textContent("#estimate")).to.equal("Costs about $341.50. You have $10,000.00.");

      await page.check("[value=Sell]", { force: true });
      expect(await page.textContent("#estimate")).to.equal("Brings about $341.50. You have 33 shares.");
      await page.fill("[name=shares]", "1.5");
      await page.press("[name=shares]", "Enter");
      expect(await page.isVisible("dialog")).to.equal(true);

      await page.keyboard.press("Escape");
      expect(await page.isVisible("dialog")).to.equal(false);
      expect(await page.evaluate("document.activeElement.ariaLabel")).to.equal("Buy MSFT");
    });

    it("shows what looks like HTML as text", async () => {
      await start(3_600_000);
      const fabrice = await trader("fabrice");
      const text = `<img src=x onerror="document.title='owned'">`;
      await portfolio.messaging.template.convertAndSendToUser("fabrice", "/queue/errors", { text });
      await fabrice.isTold(text);

      expect(await fabrice.page.locator("#news img").count()).to.equal(0);
      expect(await fabrice.page.title()).to.equal("Stock Portfolio");
    });

    it("reconnects by itself when the server was started again, and shows what was missed", async () => {
      await start();
      const fabrice = await trader("fabrice");
      await fabrice.seesPriceMove("RHT");
      await portfolio.close();
      await fabrice.page.waitForSelector("#connection[data-state=reconnecting]");
      await fabrice.page.click("[aria-label='Buy RHT']");
      await fabrice.page.fill("[name=shares]", "2");
      await fabrice.page.click("#submit");
      expect(await fabrice.page.textContent("#estimate")).to.include("There is no connection");

      await start();
      await fabrice.connected();
      await fabrice.page.click("#submit");
      await fabrice.isTold(/^Bought 2 RHT at /);
      await fabrice.seesPriceMove("RHT");
    });

    it("leads to the login in all tabs when one of them logs out", async () => {
      await start(3_600_000);
      const fabrice = await trader("fabrice");
      const tab = await fabrice.page.context().newPage();
      await tab.goto(`http://127.0.0.1:${port}/`);
      await tab.waitForSelector("#connection[data-state=connected]");
      await fabrice.logOut();

      await tab.waitForURL("**/login");
    });

    it("is the page of who has logged in since, in another tab", async () => {
      await start(3_600_000);
      const fabrice = await trader("fabrice");
      const token = await fabrice.page.inputValue("[name=_csrf]");
      const form = { name: "paulson", password: passwordOf("paulson"), _csrf: token };
      await fabrice.page.context().request.post(`http://127.0.0.1:${port}/login`, { form });

      await fabrice.page.waitForSelector(".me:text-is('paulson')");
      await fabrice.connected();
      expect(await fabrice.shares("MSFT")).to.equal("–");
    });

    it("speaks Korean to those who prefer it", async () => {
      await start(3_600_000);
      const { page } = await trader("fabrice", { locale: "ko-KR" });
      expect(await page.title()).to.equal("주식 포트폴리오");
      await page.click("[aria-label='MSFT 매수']");
      await page.fill("[name=shares]", "10");
      expect(await page.textContent("#estimate")).to.equal(
        "예상 금액은 약 $341.50입니다. 예수금은 $10,000.00입니다.",
      );
      await page.click("#submit");
      await page.getByText("MSFT 10주를 $34.15에 매수했습니다.").first().waitFor();

      await page.click("[aria-label='MSFT 매도']");
      await page.fill("[name=shares]", "1000");
      await page.click("#submit");
      await page.getByText("보유 수량이 부족하여 매도할 수 없습니다.").first().waitFor();
    });

    for (const colorScheme of ["light", "dark"] as const) {
      it(`has nothing that axe finds wrong, nor has the login, in ${colorScheme} colours`, async () => {
        await start(3_600_000);
        const phone = { viewport: { width: 360, height: 640 } };
        for (const screen of [{}, phone]) {
          const fabrice = await trader("fabrice", { colorScheme, ...screen });
          const { page } = fabrice;
          await page.waitForSelector("[data-ticker=VMW]");
          expect(await axeFaults(page)).to.deep.equal([]);
          await page.click("[aria-label='Sell VMW']");
          expect(await axeFaults(page)).to.deep.equal([]);
          await page.keyboard.press("Escape");
          await fabrice.logOut();
          expect(await axeFaults(page)).to.deep.equal([]);
        }
      });
    }

    it("fits a phone: nothing is wider than the screen", async () => {
      await start();
      const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
      const { page } = await trader("fabrice", phone);
      const overflow = () =>
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      await page.waitForSelector("[data-ticker=VMW]");
      expect(await overflow()).to.equal(0);

      await page.click("[aria-label='Sell VMW']");
      expect(await overflow()).to.equal(0);
      const box = await page.locator("dialog").boundingBox();
      expect(box!.x).to.be.at.least(0);
      expect(box!.x + box!.width).to.be.at.most(360);
    });
  });
});

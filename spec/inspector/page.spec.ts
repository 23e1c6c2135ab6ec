import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { type Message, simpleBroker, withHeaders } from "express-stomp";
import { BackplaneHub, FaultyBackplane } from "express-stomp/testing";
import type { Browser, Page } from "playwright-core";
import { axeFaults } from "../example/shared/axe.js";
import { openPage, type PageOptions } from "../example/shared/browser-person.js";
import { bodyOf } from "../support/backplane-stage.js";
import { launchChromium } from "../support/chromium.js";
import { RawClient } from "../support/raw-client.js";
import { subscribe } from "../support/users.js";
import { InspectorStage } from "./stage.js";

describe("The inspector's page", function () {
  this.timeout(120_000);

  let browser: Browser;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  let stage: InspectorStage;
  let page: Page;
  let faults: readonly string[];

  beforeEach(async () => {
    stage = await InspectorStage.open();
  });

  afterEach(async () => {
    expect(faults).to.deep.equal([]);
    await page.context().close();
    await stage.close();
  });

  async function open(
    address: string,
    rights = "look,payloads,disconnect,unsubscribe,send",
    options: PageOptions = {},
  ): Promise<void> {
    ({ page, faults } = await openPage(browser, options));
    await page.context().addCookies([{ name: "staff", value: `sue:${rights}`, url: stage.origin }]);
    await page.goto(`${stage.origin}/admin/stomp/${address}`);
    await page.locator("main h2").first().waitFor();
  }

  it("leads from the sessions to one of them, which is ended with a reason", async () => {
    const rod = await stage.connect("rod");
    subscribe(rod, "1", "/topic/a");
    await rod.synchronize();
    await open("#/sessions");
    await page.getByRole("link", { name: "rod" }).click();
    await page.getByRole("rowheader", { name: "/topic/a" }).waitFor();

    await page.getByRole("button", { name: "Unsubscribe: /topic/a" }).click();
    await page.getByLabel("Reason").fill("The topic has ended");
    await page.getByRole("dialog").getByRole("button", { name: "Unsubscribe" }).click();
    await page.getByText("Done: 1.").waitFor();
    expect(await rod.frame()).to.include("unsubscribed:The topic has ended");
    await page.getByText("It has no subscription at the broker.").waitFor();

    await page.getByRole("button", { name: "Disconnect", exact: true }).click();
    await page.getByLabel("Reason").press("Enter");
    expect(stage.acts).to.have.length(1);
    await page.getByLabel("Reason").fill("You flood us");
    await page.getByLabel("Reason").press("Enter");
    expect(await rod.frame()).to.include("message:You flood us");
    await page.getByRole("alert").getByText("There is no such session on this server").waitFor();
    expect(stage.acts.map(({ action, by }) => `${action} ${by}`)).to.deep.equal([
      "unsubscribe sue",
      "disconnect sue",
    ]);
  });

  it("shows what looks like HTML, turns directions or is not seen as text, and runs nothing of it", async () => {
    const text = `<img src=x onerror="document.title='owned'">\u202e\u0007`;
    const hostile = await stage.connect(text);
    hostile.send(`SUBSCRIBE\nid:<b>1</b>\ndestination:/topic/${text.replace(/["'\u0007]/g, "")}\n\n^@`);
    await hostile.synchronize();
    await open("#/sessions");
    const shown = `<img src=x onerror="document.title='owned'">\\u202e\\u0007`;
    await page.getByRole("link", { name: shown }).click();
    await page.getByText("/topic/<img src=x onerror=document.title=owned>\\u202e", { exact: true }).waitFor();
    await page.getByText("<b>1</b>", { exact: true }).waitFor();
    expect(await page.locator("main img, main b").count()).to.equal(0);
    await page.goto(`${stage.origin}/admin/stomp/#/destinations`);
    await page.getByText("/topic/<img src=x onerror=document.title=owned>\\u202e", { exact: true }).waitFor();

    await page.goto(`${stage.origin}/admin/stomp/#/tap?of=/topic/**`);
    await page.getByText("Live. It ends by itself after 10m.").waitFor();
    hostile.send("SEND\ndestination:/topic/a\n<i>:<i>\n\n<script>document.title='owned'</script>^@");
    await page.locator(".frames pre").getByText("<script>document.title='owned'</script>").first().waitFor();
    expect(await page.locator(".frames script, .frames i").count()).to.equal(0);
    expect(await page.title()).to.equal("Tap · STOMP inspector");
  });

  it("says who may hear what, and by which rule", async () => {
    await stage.connect("rod");
    await open("#/rules");
    await page.getByLabel("User (empty: a stranger)").fill("rod");
    await page.getByLabel("Destination").fill("/topic/kitchen");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText("rod may not hear /topic/kitchen").waitFor();
    expect(await page.locator(".verdict").textContent()).to.match(
      /Decided by: 2 +simpSubscribeDestMatchers\("\/topic\/kitchen"\) +hasRole\("COOK"\)/,
    );
    await page.getByLabel("Wants to").selectOption("SEND");
    await page.getByLabel("Destination").fill("/topic/a");
    await page.getByLabel("Destination").press("Enter");
    await page.getByText("rod may send to /topic/a").waitFor();
  });

  it("shows those who may only look no way to act, and sends for those who may", async () => {
    const rod = await stage.connect("rod");
    subscribe(rod, "1", "/topic/a");
    await rod.synchronize();
    await open(`#/session?id=${rod.sessionId}`, "look");
    await page.getByRole("button", { name: "Tap this session" }).waitFor();
    await page.getByRole("rowheader", { name: "/topic/a" }).waitFor();
    expect(await page.getByRole("button").allTextContents()).to.deep.equal(["Tap this session"]);
    expect(await page.getByRole("link", { name: "Send" }).count()).to.equal(0);
    await page.context().close();

    await open("#/send");
    await page.getByLabel("Destination").fill("/topic/a");
    await page.getByLabel("Body").fill(' {"a":\n1}\n\n');
    await page.getByLabel("Reason").fill("a trial");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Sent.").waitFor();
    expect(bodyOf(await rod.frame())).to.equal(' {"a":\n1}\n\n');
  });

  it("offers to end all of a user's sessions when its CONNECT has said who it is", async () => {
    await stage.close();
    const preSend = (message: Message) => {
      const name = message.headers.native.get("login");
      return name === undefined ? message : withHeaders(message, { user: { name } });
    };
    stage = await InspectorStage.open({}, { clientInboundChannel: { interceptors: [{ preSend }] } });
    const client = await RawClient.open(stage.server.port);
    while ([...stage.server.messaging.inspection.sessions()].length === 0) await nextTurn();
    const [view] = stage.server.messaging.inspection.sessions();
    await open(`#/session?id=${view?.id}`);
    await page.getByRole("button", { name: "Disconnect", exact: true }).waitFor();
    client.send("CONNECT\naccept-version:1.2\nhost:spec\nlogin:rod\n\n^@");
    await page.getByRole("button", { name: "Disconnect all of rod" }).click();
    await page.getByLabel("Reason").fill("You flood us");
    await page.getByLabel("Reason").press("Enter");
    expect(await client.frame()).to.match(/^CONNECTED/);
    expect(await client.frame()).to.include("message:You flood us");
  });

  it("holds no tap that it only asked for to learn why one was refused", async () => {
    await stage.close();
    stage = await InspectorStage.open({ taps: { limit: 1 } });
    await open("");
    // By the second question there is room again.
    await page.route("**/api/tap**", (route) => route.fulfill({ status: 429 }), { times: 1 });
    const again = page.waitForRequest(
      (request) => request.resourceType() === "fetch" && /tap/.test(request.url()),
    );
    await page.evaluate("location.hash = '#/tap?of=/topic/a'");
    await again;
    while (stage.acts.length === 0) await nextTurn();
    const tap = () =>
      fetch(`${stage.origin}/admin/stomp/api/tap?destination=/topic/b`, {
        headers: { "x-staff": "sue:look" },
      });
    let answer = await tap();
    while (answer.status === 429) answer = await tap();
    expect(answer.status).to.equal(200);
    await answer.body?.cancel();
  });

  it("has no fault that axe knows on any page, in both schemes and languages, at a desk and on a phone", async () => {
    const rod = await stage.connect("rod");
    subscribe(rod, "1", "/topic/orders");
    await rod.synchronize();
    await stage.server.messaging.template.convertAndSend("/queue/a", "x");
    const places = [
      "#/overview",
      "#/sessions",
      `#/session?id=${rod.sessionId}`,
      "#/destinations",
      "#/tap?of=/topic/orders",
      "#/rules?user=rod&destination=/topic/*",
      "#/mappings",
      "#/send",
    ];
    for (const options of [
      { locale: "en-US", colorScheme: "light" },
      { locale: "ko-KR", colorScheme: "dark", viewport: { width: 360, height: 740 } },
    ] as const) {
      await open("", undefined, options);
      expect(await page.locator("html").getAttribute("lang")).to.equal(options.locale.slice(0, 2));
      // On a phone all lists are alike.
      for (const place of options.locale === "ko-KR" ? places.slice(1, 6) : places) {
        await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
        await page
          .locator("main .card, main td, main .verdict, main textarea, main .frames")
          .first()
          .waitFor({ state: "attached" });
        expect(await axeFaults(page), `${place} ${options.locale}`).to.deep.equal([]);
        const isTooWide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        expect(await page.evaluate(isTooWide), `${place} ${options.locale}`).to.equal(false);
      }
      if (options.locale === "en-US") await page.context().close();
    }
  });

  it("says how often publications of other servers may be missing, once they are", async () => {
    await stage.close();
    const backplane = new FaultyBackplane(new BackplaneHub());
    stage = await InspectorStage.open({}, { broker: simpleBroker({ backplane, trusted: true }) });
    await open("#/");
    await page.getByRole("term").getByText("Connections", { exact: true }).waitFor();
    const told = page.getByRole("term").getByText("Possible gaps (backplane)");
    expect(await told.count()).to.equal(0);
    backplane.tellLost();
    await told.waitFor();
    expect(await page.locator(".card", { has: told }).getByRole("definition").textContent()).to.equal("1");
  });

  it("says that the server does not answer, keeps what it shows, and goes on by itself", async () => {
    await stage.connect("rod");
    await open("#/sessions");
    await page.getByRole("link", { name: "rod" }).waitFor();
    await page.route("**/api/**", (route) => route.abort());
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    expect(await page.getByRole("link", { name: "rod" }).count()).to.equal(1);
    await page.unroute("**/api/**");
    await page.getByRole("alert").waitFor({ state: "hidden" });
  });

  it("can be used by the keyboard alone, and keeps the focus while figures change", async () => {
    await stage.connect("rod");
    await open("#/sessions");
    await page.getByRole("link", { name: "rod" }).waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).to.equal("Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).to.equal("content");
    await page.getByRole("link", { name: "rod" }).focus();
    for (let answers = 0; answers < 2; answers++) await page.waitForResponse("**/api/elsewhere");
    expect(await page.evaluate("document.activeElement.textContent")).to.equal("rod");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Tap this session" }).waitFor();
  });
});

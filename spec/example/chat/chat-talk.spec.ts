import { expect } from "chai";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { newFile, onEachDatabase } from "../../support/databases.js";
import { launchFirefox } from "../../support/firefox.js";
import type { Person } from "./person.js";
import { Stage } from "./stage.js";

describe("people who talk in a browser", function () {
  this.timeout(120_000);

  describe("Chromium", () => {
    let browser: Browser;

    before(async function () {
      browser = await launchChromium(this);
    });

    after(() => browser?.close());

    onEachDatabase((newDatabase) => talking(() => browser, newDatabase));

    withoutWebSocket(() => browser);
  });

  describe("Firefox", () => {
    let browser: Browser;

    before(async function () {
      browser = await launchFirefox(this);
    });

    after(() => browser?.close());

    talking(() => browser, newFile);

    withoutWebSocket(() => browser);
  });
});

function talking(browser: () => Browser, newDatabase: () => Promise<string>): void {
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open(browser(), await newDatabase());
  });

  afterEach(() => stage.close());

  it("lets two members talk, and shows what was said again after a reload", async () => {
    const [mina, jun] = await stage.twoWhoCameByThePages();
    await talk(mina, jun);
    expect(await (await mina.sees("Hello Jun")).getAttribute("class")).to.include("own");
    expect(await (await jun.sees("Hello Jun")).getAttribute("class")).to.not.include("own");

    for (const person of [mina, jun]) {
      await person.page.reload();
      await person.connected();

      expect(await person.messages()).to.deep.equal(["Mina: Hello Jun", "Jun: Hello Mina"]);
      expect(person.faults).to.deep.equal([]);
    }
  });

  it("lets no stranger see a page or open a connection", async () => {
    const room = await (await stage.visitor("Mina")).openRoom("Tea house");
    const stranger = await stage.person("Stranger");
    await stranger.page.goto(`${stage.origin}/chat/room?roomId=${room}`);

    expect(new URL(stranger.page.url()).pathname).to.equal("/login");
    const outcome = await stranger.page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket("ws://" + location.host + "/stomp/chat/websocket");
      socket.onopen = () => resolve("open");
      socket.onclose = () => resolve("refused");
    })`);
    expect(outcome).to.equal("refused");
    expect(await stranger.page.evaluate(async () => (await fetch("/stomp/chat/info")).status)).to.equal(401);
  });

  it("reconnects by itself when the server was started again, and shows what was missed", async () => {
    const [mina, jun] = await stage.twoInARoom();
    await talk(mina, jun);
    await jun.hold();
    await stage.chat.close();
    await Promise.all([mina.reconnecting(), jun.reconnecting()]);
    expect(await mina.page.isDisabled("#send")).to.equal(true);
    await mina.page.fill("#message", "I am back");

    await stage.startChat();
    await mina.connected();
    await mina.page.press("#message", "Enter");
    await mina.sees("I am back");
    await jun.release();
    await jun.connected();
    await jun.say("So am I");
    await mina.sees("So am I");

    const said = ["Mina: Hello Jun", "Jun: Hello Mina", "Mina: I am back", "Jun: So am I"];
    expect(await mina.messages()).to.deep.equal(said);
    expect(await jun.messages()).to.deep.equal(said);
  });
}

/** How a page connects is nothing to the database. */
function withoutWebSocket(browser: () => Browser): void {
  let stage: Stage;

  before(async () => {
    stage = await Stage.open(browser(), await newFile());
  });

  afterEach(() => stage.leave());

  after(() => stage.close());

  for (const [transport, blocked] of [
    ["xhr_streaming", []],
    ["xhr", ["xhr_streaming"]],
  ] as const) {
    it(`lets browsers without WebSocket talk by SockJS's ${transport}`, async () => {
      const used = new Set<string>();
      const [mina, jun] = await stage.twoInARoom(async ({ page }) => {
        await page.addInitScript("delete window.WebSocket");
        for (const name of blocked) await page.route(`**/${name}*`, (route) => route.abort());
        page.on("requestfinished", (request) =>
          used.add(new URL(request.url()).pathname.split("/")[5] ?? ""),
        );
      });
      await talk(mina, jun);
      await mina.page.reload();
      await mina.connected();

      expect(await mina.messages()).to.deep.equal(["Mina: Hello Jun", "Jun: Hello Mina"]);
      expect([...used].sort().filter(Boolean))
        .to.include("xhr_send")
        .and.not.include("websocket");
      if (transport === "xhr") expect(used).to.include("xhr").and.not.include("xhr_streaming");
      else expect(used).to.not.include("xhr");
    });
  }
}

async function talk(mina: Person, jun: Person): Promise<void> {
  await mina.say("Hello Jun");
  await jun.sees("Hello Jun");
  await jun.say("Hello Mina");
  await mina.sees("Hello Mina");
}

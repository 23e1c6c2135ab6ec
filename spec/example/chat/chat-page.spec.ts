import { expect } from "chai";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import { axeFaults } from "../shared/axe.js";
import { Stage } from "./stage.js";

describe("the page of a room", function () {
  this.timeout(120_000);

  let browser: Browser;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open(browser, await newFile());
  });

  afterEach(() => stage.close());

  it("shows what looks like HTML as text, and runs nothing of it", async () => {
    const [mina, jun] = await stage.twoInARoom();
    const text = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    await mina.say(text);
    const bubble = await jun.sees(text);

    expect(await bubble.locator("img, script").count()).to.equal(0);
    expect(await jun.page.title()).to.not.equal("owned");
    expect([...mina.faults, ...jun.faults]).to.deep.equal([]);
  });

  it("says what is wrong with a message before it is sent, and keeps it", async () => {
    const [mina] = await stage.twoInARoom();
    await mina.say("   ");
    expect(await mina.page.textContent("#notice")).to.equal("Write something first.");

    await mina.say("x".repeat(1001));
    expect(await mina.page.textContent("#notice")).to.equal(
      "A message has at most 1000 characters; yours has 1001.",
    );
    expect(await mina.page.inputValue("#message")).to.have.length(1001);
    expect(await mina.messages()).to.deep.equal([]);
  });

  it("says to wait when Enter comes while there is no connection, and keeps what was written", async () => {
    const [mina] = await stage.twoInARoom();
    await stage.chat.close();
    await mina.reconnecting();
    await mina.say("Still there?");
    expect(await mina.page.textContent("#notice")).to.match(/^There is no connection yet/);
    expect(await mina.page.inputValue("#message")).to.equal("Still there?");

    await stage.startChat();
    await mina.connected();
    expect(await mina.page.isVisible("#notice")).to.equal(false);
    await mina.page.press("#message", "Enter");
    await mina.sees("Still there?");
  });

  it("says what the server refused, gives it back, and goes on", async () => {
    const [mina] = await stage.twoInARoom();
    await mina.say("a\u0001b");
    await mina.page.getByText("The server refused: A message is text without control characters.").waitFor();
    expect(await mina.page.inputValue("#message")).to.equal("a\u0001b");

    await mina.connected();
    await mina.say("ab");
    await mina.sees("ab");
  });

  it("sends again what was not confirmed when the connection broke", async () => {
    let swallowed = 0;
    const [mina] = await stage.twoInARoom(async ({ page }) => {
      await page.routeWebSocket("**/stomp/chat/**", (socket) => {
        const server = socket.connectToServer();
        socket.onMessage((text) => {
          if (!text.includes("Is anybody there?") || swallowed > 0) return server.send(text);
          swallowed++;
          return socket.close();
        });
      });
    });
    await mina.say("Is anybody there?");
    await mina.sees("Is anybody there?");

    expect(swallowed).to.equal(1);
    expect(await mina.messages()).to.deep.equal(["Mina: Is anybody there?"]);
    expect(await mina.page.inputValue("#message")).to.equal("");
  });

  it("does not send while a syllable is being composed, and starts a new line by Shift+Enter", async () => {
    const [mina] = await stage.twoInARoom();
    await mina.page.fill("#message", "안녕");
    const completing = { key: "Enter", isComposing: true, bubbles: true };
    await mina.page.dispatchEvent("#message", "keydown", completing);
    await mina.page.dispatchEvent("#message", "keydown", {
      ...completing,
      isComposing: false,
      keyCode: 229,
    });
    expect(await mina.page.inputValue("#message")).to.equal("안녕");

    await mina.page.press("#message", "Shift+Enter");
    await mina.page.locator("#message").pressSequentially("하세요");
    await mina.page.press("#message", "Enter");
    await mina.sees("안녕\n하세요");
    expect(await mina.messages()).to.deep.equal(["Mina: 안녕\n하세요"]);
  });

  it("leads to the login when the connection broke and the login is over", async () => {
    let cut = async () => {};
    const [, jun] = await stage.twoInARoom(async ({ page }) => {
      await page.routeWebSocket("**/stomp/chat/**", (socket) => {
        socket.connectToServer();
        cut = () => socket.close();
      });
    });
    const rooms = await jun.page.context().newPage();
    await rooms.goto(`${stage.origin}/chat/rooms`);
    await rooms.click(".who button");
    await rooms.waitForURL("**/login");
    await cut();

    await jun.page.waitForURL("**/login");
  });

  it("speaks Korean to those who prefer it", async () => {
    const mina = await stage.person("민아", { locale: "ko-KR" });
    await mina.signUp();
    await mina.openRoom("찻집");
    expect(await mina.page.textContent(".notice")).to.equal("“찻집” 채팅방이 개설되었습니다.");

    await mina.enter("찻집");
    await mina.page.getByText("민아님이 채팅방에 참여하였습니다.").waitFor();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`has nothing that axe finds wrong, nor have the pages on the way to it, in ${colorScheme} colours`, async () => {
      const mina = await stage.person("Mina", { colorScheme });
      await mina.page.goto(`${stage.origin}/login`);
      expect(await axeFaults(mina.page)).to.deep.equal([]);

      await mina.signUp();
      await mina.openRoom("Tea house");
      expect(await axeFaults(mina.page)).to.deep.equal([]);

      await mina.enter("Tea house");
      await mina.say("Hello!");
      await mina.say("   ");
      await mina.sees("Hello!");
      expect(await axeFaults(mina.page)).to.deep.equal([]);
    });
  }

  it("fits a phone: nothing is wider than the screen, and the composer is in sight", async () => {
    const mina = await stage.person("Mina", {
      viewport: { width: 360, height: 640 },
      hasTouch: true,
      isMobile: true,
    });
    await mina.signUp();
    await mina.openRoom("W".repeat(50));
    const overflow = () =>
      mina.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    expect(await overflow()).to.equal(0);

    await mina.enter("W".repeat(50));
    for (let i = 0; i < 12; i++) await mina.say(`${i} ${"long".repeat(60)}`);
    await mina.sees(`11 ${"long".repeat(60)}`);

    expect(await overflow()).to.equal(0);
    for (const selector of ["#composer", ".message:last-child"]) {
      const box = await mina.page.locator(selector).boundingBox();
      expect(box!.y + box!.height, selector).to.be.at.most(640);
    }
  });
});

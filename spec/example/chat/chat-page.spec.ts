import { expect } from "chai";
import type { Browser } from "playwright-core";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { launchChromium } from "../../support/chromium.js";
import { onEachDatabase } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { Person } from "./chat-page.js";

describe("the chat in a browser", function () {
  this.timeout(60_000);

  let browser: Browser;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  onEachDatabase((newDatabase) => {
    const logger = recordingLogger();
    let url: string;
    let chat: Chat;
    let port: number;
    let people: Person[];

    beforeEach(async () => {
      people = [];
      url = await newDatabase();
      chat = await createChat({ databaseUrl: url, logger });
      port = await chat.listen(0, "127.0.0.1");
    });

    afterEach(async () => {
      for (const person of people) await person.close();
      await chat.close();
    });

    async function person(name: string, options?: Parameters<typeof Person.open>[3]) {
      const opened = await Person.open(browser, `http://127.0.0.1:${port}`, name, options);
      people.push(opened);
      return opened;
    }

    /** Mina opens a room; she and Jun are in it. */
    async function twoInARoom(prepare: (person: Person) => Promise<void> = async () => {}) {
      const [mina, jun] = [await person("Mina"), await person("Jun")];
      await prepare(mina);
      await prepare(jun);
      await mina.signUp();
      await mina.openRoom("Tea house");
      await mina.enter("Tea house");
      await jun.signUp();
      await jun.enter("Tea house");
      await mina.page.getByText("Jun joined the room.").waitFor();
      return [mina, jun] as const;
    }

    async function talk(mina: Person, jun: Person) {
      await mina.say("Hello Jun");
      await jun.sees("Hello Jun");
      await jun.say("Hello Mina");
      await mina.sees("Hello Mina");
    }

    it("lets two members talk, and shows what was said again after a reload", async () => {
      const [mina, jun] = await twoInARoom();
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

    it("shows what looks like HTML as text, and runs nothing of it", async () => {
      const [mina, jun] = await twoInARoom();
      const text = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
      await mina.say(text);
      const bubble = await jun.sees(text);

      expect(await bubble.locator("img, script").count()).to.equal(0);
      expect(await jun.page.title()).to.not.equal("owned");
      expect([...mina.faults, ...jun.faults]).to.deep.equal([]);
    });

    it("lets no stranger see a page or open a connection", async () => {
      const [mina] = await twoInARoom();
      const stranger = await person("Stranger");
      await stranger.page.goto(mina.page.url());

      expect(new URL(stranger.page.url()).pathname).to.equal("/login");
      const outcome = await stranger.page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket("ws://" + location.host + "/stomp/chat/websocket");
        socket.onopen = () => resolve("open");
        socket.onclose = () => resolve("refused");
      })`);
      expect(outcome).to.equal("refused");
      expect(await stranger.page.evaluate(async () => (await fetch("/stomp/chat/info")).status)).to.equal(
        401,
      );
    });

    for (const [transport, blocked] of [
      ["xhr_streaming", []],
      ["xhr", ["xhr_streaming"]],
    ] as const) {
      it(`lets browsers without WebSocket talk by SockJS's ${transport}`, async () => {
        const used = new Set<string>();
        const [mina, jun] = await twoInARoom(async ({ page }) => {
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

    it("reconnects by itself when the server was started again, and shows what was missed", async () => {
      const [mina, jun] = await twoInARoom();
      await talk(mina, jun);
      await jun.page.context().setOffline(true);
      await chat.close();
      await Promise.all([mina.reconnecting(), jun.reconnecting()]);
      expect(await mina.page.isDisabled("#send")).to.equal(true);
      await mina.page.fill("#message", "I am back");

      chat = await createChat({ databaseUrl: url, logger });
      await chat.listen(port, "127.0.0.1");
      await mina.connected();
      await mina.page.press("#message", "Enter");
      await mina.sees("I am back");
      await jun.page.context().setOffline(false);
      await jun.connected();
      await jun.sees("I am back");
      await jun.say("So am I");
      await mina.sees("So am I");

      const said = ["Mina: Hello Jun", "Jun: Hello Mina", "Mina: I am back", "Jun: So am I"];
      expect(await mina.messages()).to.deep.equal(said);
      expect(await jun.messages()).to.deep.equal(said);
    });

    it("gives back what the server could not confirm, and says so", async () => {
      const [mina] = await twoInARoom();
      await mina.page.context().setOffline(true);
      await mina.say("Is anybody there?");
      await chat.close();
      await mina.reconnecting();

      expect(await mina.page.inputValue("#message")).to.equal("Is anybody there?");
      expect(await mina.page.textContent("#notice")).to.include("Send it again if it is missing.");
    });

    it("says what is wrong with a message before it is sent, and keeps it", async () => {
      const [mina] = await twoInARoom();
      await mina.say("   ");
      expect(await mina.page.textContent("#notice")).to.equal("Write something first.");

      await mina.say("x".repeat(1001));
      expect(await mina.page.textContent("#notice")).to.equal(
        "A message has at most 1000 characters; yours has 1001.",
      );
      expect(await mina.page.inputValue("#message")).to.have.length(1001);
      expect(await mina.messages()).to.deep.equal([]);
    });

    it("says what the server refused, gives it back, and goes on", async () => {
      const [mina] = await twoInARoom();
      await mina.say("a\u0001b");
      await mina.page
        .getByText("The server refused: A message is text without control characters.")
        .waitFor();
      expect(await mina.page.inputValue("#message")).to.equal("a\u0001b");

      await mina.connected();
      await mina.say("ab");
      await mina.sees("ab");
    });

    it("does not send while a syllable is being composed, and starts a new line by Shift+Enter", async () => {
      const [mina] = await twoInARoom();
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

    it("leads to the login when the login is over", async () => {
      const [mina] = await twoInARoom();
      const rooms = await mina.page.context().newPage();
      await rooms.goto(`http://127.0.0.1:${port}/chat/rooms`);
      await rooms.click(".who button");
      await chat.close();
      await mina.reconnecting();
      chat = await createChat({ databaseUrl: url, logger });
      await chat.listen(port, "127.0.0.1");

      await mina.page.waitForURL("**/login");
    });

    it("speaks Korean to those who prefer it", async () => {
      const mina = await person("민아", { locale: "ko-KR" });
      await mina.signUp();
      await mina.openRoom("찻집");
      expect(await mina.page.textContent(".notice")).to.equal("“찻집” 채팅방이 개설되었습니다.");

      await mina.enter("찻집");
      await mina.page.getByText("민아님이 채팅방에 참여하였습니다.").waitFor();
    });

    it("fits a phone: nothing is wider than the screen, and the composer is in sight", async () => {
      const mina = await person("Mina", {
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
});

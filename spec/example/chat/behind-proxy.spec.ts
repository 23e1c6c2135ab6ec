import { expect } from "chai";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import { TlsProxy } from "../../support/tls-proxy.js";
import { Person } from "./person.js";
import { Stage } from "./stage.js";

describe("the chat behind a proxy that ends TLS", function () {
  this.timeout(120_000);

  let browser: Browser;
  let stage: Stage;
  let proxy: TlsProxy;
  let mina: Person;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  afterEach(async () => {
    await mina?.close();
    await proxy.close();
    await stage.close();
  });

  /** Mina has opened a room through the proxy, and goes there. */
  async function enterARoom(proxies?: string): Promise<void> {
    stage = await Stage.open(browser, await newFile(), { proxies });
    proxy = await TlsProxy.open(Number(new URL(stage.origin).port));
    mina = await Person.open(browser, proxy.origin, "Mina", { ignoreHTTPSErrors: true });
    await mina.signUp();
    await mina.openRoom("Tea house");
    await mina.page.click('li a:has-text("Tea house")');
  }

  it("connects when TRUST_PROXY names the proxy, and its cookie is for TLS only", async () => {
    await enterARoom("loopback");
    await mina.connected();
    await mina.say("Hello");
    await mina.sees("Hello");
    const cookies = await mina.page.context().cookies();
    expect(cookies.map(({ name, secure }) => [name, secure])).to.deep.equal([["chat.sid", true]]);
  });

  it("says what is wrong when nothing does, on its page, in the log and by the event", async () => {
    await enterARoom();
    await mina.page.waitForSelector("#connection[data-state=notLetIn]", { state: "attached" });
    const text = 'X-Forwarded-Proto, X-Forwarded-For, but "trust proxy" does not trust it';
    const notice = await mina.page.textContent("#notice");
    expect(notice)
      .to.contain("The server lets no connection of this page in: Origin not allowed.")
      .and.contain(text);
    expect(stage.log.filter((line) => line.includes(text))).to.have.length(1);
    expect(stage.chat.messaging.stats().handshakesRefused.origin).to.be.above(0);
  });
});

import { expect } from "chai";
import type { MessagingEvents } from "express-stomp";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import type { Person } from "./person.js";
import { Stage } from "./stage.js";

describe("People whose line breaks while others talk, in Chromium", function () {
  this.timeout(120_000);
  let browser: Browser;
  let stage: Stage;
  let mina: Person;
  let jun: Person;
  let recovered: MessagingEvents["recovered"][];

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    stage = await Stage.open(browser, await newFile());
    [mina, jun] = await stage.twoInARoom();
    recovered = [];
    stage.chat.messaging.on("recovered", (event) => void recovered.push(event));
  });

  afterEach(() => stage.close());

  /** Ends Jun's line, and lets it come back when the other thing is done. */
  async function whileAway(task: () => Promise<void>): Promise<void> {
    await jun.hold();
    stage.chat.messaging.disconnect({ user: "Jun" });
    await jun.reconnecting();
    await task();
    await jun.release();
    await jun.connected();
  }

  it("miss nothing that was said meanwhile, to all or to them alone, and load nothing anew", async () => {
    const loaded: string[] = [];
    stage.chat.messaging.on("subscribed", ({ message: { headers }, user }) => {
      if (headers.destination?.startsWith("/pub/")) loaded.push(user?.name ?? "");
    });
    await mina.say("before");
    await jun.sees("before");
    await whileAway(async () => {
      for (const text of ["one", "two", "three"]) {
        await mina.say(text);
        await mina.sees(text);
      }
      const privately = {
        kind: "private",
        id: 1,
        writer: "Mina",
        recipient: "Jun",
        message: "psst",
        sentAt: Date.now(),
      };
      await stage.chat.messaging.template.convertAndSendToUser("Jun", "/queue/private", privately);
    });
    await jun.sees("psst");
    await mina.say("after");
    await jun.sees("after");

    const said = ["before", "one", "two", "three", "after"].map((text) => `Mina: ${text}`);
    expect((await jun.messages()).filter((line) => !line.endsWith("psst"))).to.deep.equal(said);
    // The list of those who are there is told anew, and not kept.
    const kept = recovered.filter(({ destination }) => !destination.endsWith("/presence"));
    expect(kept.map(({ recovered: whole }) => whole)).to.deep.equal([true, true]);
    expect(loaded).to.deep.equal([]);
    expect(jun.faults).to.deep.equal([]);
  });

  it("load from the database what the server has not kept, and have each message once", async () => {
    await mina.say("before");
    await jun.sees("before");
    await jun.hold();
    await stage.chat.close();
    await Promise.all([mina.reconnecting(), jun.reconnecting()]);
    await stage.startChat();
    await mina.connected();
    for (const text of ["one", "two"]) {
      await mina.say(text);
      await mina.sees(text);
    }
    await jun.release();
    await jun.connected();
    await mina.say("after");
    await jun.sees("after");

    const said = ["before", "one", "two", "after"].map((text) => `Mina: ${text}`);
    for (const person of [mina, jun]) expect(await person.messages()).to.deep.equal(said);
  });

  it("send again what was not confirmed, and it is said once", async () => {
    let first = true;
    stage.chat.messaging.clientInboundChannel.addInterceptor({
      // The line breaks when the message was handled, before its receipt.
      postSend({ headers }) {
        if (headers.destination !== "/pub/chat/message" || !first) return;
        first = false;
        stage.chat.messaging.disconnect({ user: "Jun" });
      },
    });
    await jun.say("once");
    await jun.reconnecting();
    await jun.connected();
    await jun.say("behind");
    await mina.sees("behind");

    for (const person of [mina, jun])
      expect(await person.messages()).to.deep.equal(["Jun: once", "Jun: behind"]);
    expect(stage.chat.messaging.stats().repeatedSends).to.equal(1);
  });
});

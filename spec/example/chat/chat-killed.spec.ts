import { expect } from "chai";
import type { Browser } from "playwright-core";
import { openDatabase } from "../../../example/chat/database.js";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import { ChatProcess } from "./chat-process.js";
import type { Person } from "./person.js";

/** A browser, and a process that starts several times. */
describe("People whose chat is killed and started again, in Chromium", function () {
  this.timeout(120_000);
  let browser: Browser;
  let databaseUrl: string;
  let chat: ChatProcess;
  let mina: Person;
  let jun: Person;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    databaseUrl = await newFile();
    chat = await ChatProcess.open(browser, databaseUrl);
    [mina, jun] = await chat.twoInARoom();
  });

  afterEach(() => chat.close());

  async function stored(): Promise<string[]> {
    const database = await openDatabase(databaseUrl);
    try {
      const rows = await database.selectFrom("chat_message").select("message").orderBy("id").execute();
      return rows.map(({ message }) => message);
    } finally {
      await database.destroy();
    }
  }

  for (const moment of ["before it is told", "before its receipt"] as const) {
    it(`when a message was stored, ${moment}: it is stored and shown once`, async () => {
      await mina.say("one");
      await jun.sees("one");
      await chat.doom(moment);
      await jun.say("two");
      await chat.died();
      await Promise.all([mina.reconnecting(), jun.reconnecting()]);
      expect(await stored()).to.deep.equal(["one", "two"]);
      await chat.restart();
      await Promise.all([mina.connected(), jun.connected()]);
      await jun.say("three");
      await mina.say("four");

      for (const person of [mina, jun]) {
        for (const text of ["two", "three", "four"]) await person.sees(text);
        const shown = await person.messages();
        expect(shown.toSorted()).to.deep.equal(["Jun: three", "Jun: two", "Mina: four", "Mina: one"]);
        expect(shown.indexOf("Jun: two")).to.be.below(shown.indexOf("Jun: three"));
        expect(person.faults).to.deep.equal([]);
      }
      expect((await stored()).toSorted()).to.deep.equal(["four", "one", "three", "two"]);
    });
  }

  it("when a private message was told, before its receipt: it is shown once", async () => {
    await jun.page.click("#present button:has-text('Mina')");
    await chat.doom("before its receipt");
    await jun.say("psst");
    await chat.died();
    await mina.sees("psst");
    // It is sent again, and Mina has to be there.
    await jun.page.route("**/stomp/**", (route) => route.abort());
    await chat.restart();
    await mina.connected();
    await jun.page.unroute("**/stomp/**");
    await jun.connected();
    await jun.say("psst again");

    for (const person of [mina, jun]) {
      await person.sees("psst again");
      expect(await person.messages()).to.have.length(2);
    }
  });

  it("when they have just said something: nothing of it is lost, nor comes twice, and all in order", async () => {
    const texts = ["one", "two", "three", "four"];
    for (const text of texts) await Promise.all([mina.say(`${text} of Mina`), jun.say(`${text} of Jun`)]);
    await chat.kill();
    await Promise.all([mina.reconnecting(), jun.reconnecting()]);
    await chat.restart();
    await Promise.all([mina.connected(), jun.connected()]);
    await Promise.all([mina.say("last of Mina"), jun.say("last of Jun")]);

    for (const person of [mina, jun]) {
      for (const name of ["Mina", "Jun"]) await person.sees(`last of ${name}`);
      const shown = await person.messages();
      for (const name of ["Mina", "Jun"]) {
        const own = shown.filter((line) => line.startsWith(name));
        expect(own).to.deep.equal([...texts, "last"].map((text) => `${name}: ${text} of ${name}`));
      }
    }
    expect(await mina.messages()).to.deep.equal(await jun.messages());
  });
});

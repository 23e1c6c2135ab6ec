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
    databaseUrl = await newFile();
    chat = await ChatProcess.open(browser, databaseUrl);
    [mina, jun] = [await chat.member("Mina"), await chat.member("Jun")];
  });

  after(async () => {
    await chat?.close();
    await browser?.close();
  });

  beforeEach(() => chat.enterANewRoom(mina, jun));

  /** What was said in the room that they are in. */
  async function stored(): Promise<string[]> {
    const room = new URL(mina.page.url()).searchParams.get("roomId");
    const database = await openDatabase(databaseUrl);
    try {
      const rows = await database
        .selectFrom("chat_message")
        .select("message")
        .where("room_id", "=", room ?? "")
        .orderBy("id")
        .execute();
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
      await chat.restart(mina, jun);
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

  it("when they have just said something: nothing of it is lost, nor comes twice, and all in order", async () => {
    const texts = ["one", "two", "three", "four"];
    for (const text of texts) await Promise.all([mina.say(`${text} of Mina`), jun.say(`${text} of Jun`)]);
    await chat.kill();
    await Promise.all([mina.reconnecting(), jun.reconnecting()]);
    await chat.restart(mina, jun);
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

  // Last, since private messages are shown in each room.
  for (const moment of ["before it is told", "before its receipt"] as const) {
    it(`when a private message was stored, ${moment}, and its reader is away: each is heard once, in order`, async () => {
      const texts = ["confirmed", "doomed", "behind"].map((text) => `${text} ${moment}`);
      const [confirmed = "", doomed = "", behind = ""] = texts;
      await jun.page.click("#present button:has-text('Mina')");
      await chat.sendAway(mina);
      await jun.say(confirmed);
      await jun.sees(confirmed);
      await chat.doom(moment);
      await jun.say(doomed);
      await chat.died();
      await jun.reconnecting();
      // It is sent again before its reader is back.
      await chat.restart(jun);
      await jun.say(behind);
      await jun.sees(behind);
      await mina.release();
      await mina.connected();
      await mina.sees(behind);

      for (const person of [mina, jun]) {
        const shown = (await person.messages()).filter((line) => line.endsWith(moment));
        expect(shown.map((line) => line.replace(/^[^:]+: /, ""))).to.deep.equal(texts);
        expect(person.faults).to.deep.equal([]);
      }
    });
  }
});

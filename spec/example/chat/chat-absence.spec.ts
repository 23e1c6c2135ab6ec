import { expect } from "chai";
import type { MessagingEvents } from "express-stomp";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import { FakeTime } from "../../support/fake-time.js";
import type { Person } from "./person.js";
import { Stage } from "./stage.js";

/** Mina writes so often in the minute, which shows the server each time that she is there. */
const STEPS = 12;
const STEP = 5_000;

/** Two browsers: one of them is put to sleep. The minute is that of the server's clock and of the pages'. */
describe("People who are away for a minute, in Chromium", function () {
  this.timeout(120_000);
  let browser: Browser;
  let browserOfJun: Browser;
  let time: FakeTime;
  let stage: Stage;
  let line: FaultProxy;
  let mina: Person;
  let jun: Person;
  let recovered: MessagingEvents["recovered"][];
  let loaded: string[];
  /** Those whose session the server has ended, since nothing of them came. */
  let ended: string[];

  before(async function () {
    browser = await launchChromium(this);
    browserOfJun = await launchChromium(this);
  });

  after(() => Promise.all([browser?.close(), browserOfJun?.close()]));

  beforeEach(async () => {
    time = new FakeTime();
    stage = await Stage.open(browser, await newFile(), { clock: time });
    line = await faultProxy({ host: "127.0.0.1", port: stage.port });
    [mina, jun] = await stage.twoInARoom((person) => person.page.clock.install(), {
      browserOfJun,
      originOfJun: `http://127.0.0.1:${line.port}`,
    });
    recovered = [];
    loaded = [];
    ended = [];
    const { messaging } = stage.chat;
    messaging.on("recovered", (event) => {
      // The list of those who are there is told anew, and not kept.
      if (!event.destination.endsWith("/present")) recovered.push(event);
    });
    messaging.on("subscribed", ({ message: { headers } }) => {
      if (headers.destination?.startsWith("/pub/")) loaded.push(headers.destination);
    });
    messaging.on("sessionError", ({ user }) => void ended.push(user?.name ?? ""));
    await mina.say("before");
    await jun.sees("before");
  });

  afterEach(async () => {
    await line.close();
    const closed = stage.close();
    time.pass(10_000);
    await closed;
  });

  /** A minute passes, in which Mina writes. */
  async function minute(awake: readonly Person[]): Promise<void> {
    for (let step = 1; step <= STEPS; step++) {
      for (const { page } of awake) await page.clock.runFor(STEP);
      time.pass(STEP);
      await mina.say(`${step}`);
      await mina.sees(`${step}`);
    }
  }

  async function seeTheSame(): Promise<void> {
    await mina.say("after");
    await jun.sees("after");
    const steps = Array.from({ length: STEPS }, (_, step) => `${step + 1}`);
    const said = ["before", ...steps, "after"].map((text) => `Mina: ${text}`);
    for (const person of [mina, jun]) {
      expect(await person.messages()).to.deep.equal(said);
      expect(person.faults).to.deep.equal([]);
    }
    expect(loaded).to.deep.equal([]);
  }

  /** Lets processes of Jun's browser stand still. */
  async function asleep(isMeant: (type: string) => boolean, task: () => Promise<void>): Promise<void> {
    const session = await browserOfJun.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const processes = processInfo.filter(({ type }) => isMeant(type)).map(({ id }) => id);
    expect(processes).not.to.have.length(0);
    for (const id of processes) process.kill(id, "SIGSTOP");
    try {
      await task();
    } finally {
      for (const id of processes) process.kill(id, "SIGCONT");
    }
  }

  it("miss nothing when their Wi-Fi is off: each message once, in order", async () => {
    await jun.page.context().setOffline(true);
    line.stall();
    await minute([mina, jun]);
    expect(ended).to.deep.equal(["Jun"]);
    await jun.reconnecting();
    line.resume();
    await jun.page.context().setOffline(false);
    await jun.page.clock.runFor(10_000);
    await jun.connected();

    await seeTheSame();
    expect(recovered.map((event) => event.recovered)).to.deep.equal([true, true]);
  });

  it("miss nothing when their laptop sleeps, and its line is gone when it wakes up", async () => {
    await asleep(
      () => true,
      () => minute([mina]),
    );
    expect(ended).to.deep.equal(["Jun"]);
    await jun.page.clock.fastForward(STEPS * STEP);

    await seeTheSame();
    expect(recovered.map((event) => event.recovered)).to.deep.equal([true, true]);
  });

  it("miss nothing when their page alone sleeps, and finds all that came meanwhile on its line", async () => {
    await asleep(
      (type) => type === "renderer",
      () => minute([mina]),
    );
    // The browser has answered the server's pings.
    expect(ended).to.deep.equal([]);

    await seeTheSame();
  });

  it("miss nothing when their page alone sleeps, and gives its line up when it wakes up", async () => {
    await asleep(
      (type) => type === "renderer",
      () => minute([mina]),
    );
    await jun.page.clock.fastForward(STEPS * STEP);

    await seeTheSame();
  });
});

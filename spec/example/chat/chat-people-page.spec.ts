import { expect } from "chai";
import type { Browser } from "playwright-core";
import { openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { launchChromium } from "../../support/chromium.js";
import { newFile } from "../../support/databases.js";
import type { Person } from "./person.js";
import { Stage } from "./stage.js";

describe("people on the page of a room", function () {
  this.timeout(120_000);

  let browser: Browser;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  let stage: Stage;
  let databaseUrl: string;

  beforeEach(async () => {
    databaseUrl = await newFile();
    stage = await Stage.open(browser, databaseUrl);
  });

  afterEach(() => stage.close());

  async function makeStaff(name: string) {
    const database = await openDatabase(databaseUrl);
    await new MemberRepository(database).setRole(name, "staff");
    await database.destroy();
  }

  /** A second tab of the same browser, in the same room. */
  async function secondTab({ page }: Person) {
    const tab = await page.context().newPage();
    await tab.goto(page.url());
    await tab.waitForSelector("#connection[data-state=connected]", { state: "attached" });
    return tab;
  }

  it("shows who is there, as they come and go and when their browser crashes", async () => {
    const [mina, jun] = await stage.twoInARoom();
    await mina.seesPresent("Jun", "Mina (you)");
    await jun.seesPresent("Jun (you)", "Mina");

    const tab = await secondTab(jun);
    await jun.page.goto(`${stage.origin}/chat/rooms`);
    await mina.seesPresent("Jun", "Mina (you)");
    const cdp = await tab.context().newCDPSession(tab);
    cdp.send("Page.crash").catch(() => {});
    await mina.seesPresent("Mina (you)");
    expect(mina.faults).to.deep.equal([]);
  });

  it("brings a private message to all tabs of both, and to nobody else", async () => {
    const [mina, jun] = await stage.twoInARoom();
    const sora = await stage.person("Sora");
    await sora.signUp();
    await sora.enter("Tea house");
    const tab = await secondTab(jun);

    await mina.page.getByRole("button", { name: "Write privately to Jun" }).click();
    await mina.page.getByText("To Jun, privately").waitFor();
    const text = "<b>psst</b>";
    await mina.say(text);
    await mina.sees(text);
    await jun.sees(text);
    await tab.locator(".message.private").getByText(text, { exact: true }).waitFor();
    expect(await mina.messages()).to.deep.equal([`To Jun, privately: ${text}`]);
    expect(await jun.messages()).to.deep.equal([`Mina, privately: ${text}`]);

    await jun.page.click(".message.private button.writer");
    await jun.say("what?");
    await mina.sees("what?");
    await mina.page.getByRole("button", { name: "Write to everyone again" }).click();
    await mina.say("Good morning");
    await sora.sees("Good morning");
    expect(await sora.messages()).to.deep.equal(["Mina: Good morning"]);
    expect([...mina.faults, ...jun.faults, ...sora.faults]).to.deep.equal([]);
  });

  it("brings a private message to somebody who is not there on coming back", async () => {
    const [mina, jun] = await stage.twoInARoom();
    await mina.seesPresent("Jun", "Mina (you)");
    await mina.page.getByRole("button", { name: "Write privately to Jun" }).click();
    const room = jun.page.url();
    await jun.page.goto(`${stage.origin}/chat/rooms`);
    await mina.seesPresent("Mina (you)");
    for (const text of ["Are you there?", "Hello?"]) {
      await mina.say(text);
      await mina.sees(text);
    }
    await jun.page.goto(room);
    await jun.connected();

    expect(await jun.messages()).to.deep.equal([
      "Mina, privately: Are you there?",
      "Mina, privately: Hello?",
    ]);
  });

  it("lets the staff end a session, whose page says why and stays away until it is asked to come back", async () => {
    const [mina, jun] = await stage.twoInARoom();
    await jun.seesPresent("Jun (you)", "Mina");
    expect(await jun.page.locator(".end").count()).to.equal(0);
    await makeStaff("Mina");
    await mina.page.reload();
    await mina.connected();
    await mina.page.getByRole("button", { name: "End the session of Jun" }).click();
    await mina.page.getByLabel("Reason").fill("Please rest a while.");
    await mina.page.getByRole("button", { name: "End session", exact: true }).click();

    await jun.page.getByText("The staff ended your session: Please rest a while.").waitFor();
    await mina.seesPresent("Mina (you)");
    expect(await jun.page.getAttribute("#connection", "data-state")).to.equal("ended");
    expect(await jun.page.isDisabled("#send")).to.equal(true);
    // Longer than the first pauses of a page that connects again by itself.
    const attempt = await jun.page.waitForRequest("**/stomp/**", { timeout: 3000 }).catch(() => undefined);
    expect(attempt?.url()).to.equal(undefined);

    await jun.page.getByRole("button", { name: "Connect again" }).click();
    await jun.connected();
    await jun.say("Rested");
    await mina.sees("Rested");
    expect([...mina.faults, ...jun.faults]).to.deep.equal([]);
  });

  it("ends nobody's session when the staff thinks better of it", async () => {
    const [mina, jun] = await stage.twoInARoom();
    await makeStaff("Mina");
    await mina.page.reload();
    await mina.connected();
    for (const leave of [
      () => mina.page.getByRole("button", { name: "Cancel" }).click(),
      () => mina.page.keyboard.press("Escape"),
    ]) {
      await mina.page.getByRole("button", { name: "End the session of Jun" }).click();
      await mina.page.getByLabel("Reason").fill("Hm");
      await leave();
      await mina.page.locator("#ending").waitFor({ state: "hidden" });
    }
    await jun.say("Still here");
    await mina.sees("Still here");
  });

  it("leads the other tabs of a login to the login page when it logs out, and no other login's", async () => {
    const [mina, jun] = await stage.twoInARoom();
    const elsewhere = await stage.person("Jun");
    await elsewhere.logIn();
    await elsewhere.enter("Tea house");
    const rooms = await jun.page.context().newPage();
    await rooms.goto(`${stage.origin}/chat/rooms`);
    await rooms.click(".who button");

    await jun.page.waitForURL("**/login");
    await mina.say("Who is left?");
    await elsewhere.sees("Who is left?");
    await mina.seesPresent("Jun", "Mina (you)");
  });
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { testMessaging } from "express-stomp/testing";
import type { Browser } from "playwright-core";
import { app, messaging } from "../../../example/greeting/app.js";
import { launchChromium } from "../../support/chromium.js";
import { axeFaults } from "../shared/axe.js";

describe("example/greeting", function () {
  this.timeout(120_000);
  let program: ChildProcess;
  let browser: Browser | undefined;
  let origin: string;

  before(async () => {
    program = spawn(process.execPath, ["build/example/greeting/server.js"], {
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: program.stdout! }), "line")) as [string];
    origin = /http:\S+/.exec(line)?.[0] ?? "";
  });

  after(async () => {
    await browser?.close();
    program.kill();
  });

  it("takes no more than 120 lines", () => {
    const files = ["app.ts", "server.ts", "index.html"].map((file) => `example/greeting/${file}`);
    const lines = files.flatMap((file) => readFileSync(file, "utf8").trimEnd().split("\n"));
    expect(lines.length).to.be.at.most(120);
  });

  it("greets all who have subscribed, without a port", async () => {
    const stomp = await testMessaging(app, messaging);
    const [rod, ann] = [await stomp.connect(), await stomp.connect()];
    const greetings = await Promise.all([rod, ann].map((client) => client.subscribe("/topic/greetings")));
    await rod.send("/app/hello", { name: "Rod" });
    for (const each of greetings) expect(await each.next()).to.deep.equal({ content: "Hello, Rod!" });
    await stomp.close();
  });

  it("says which port is taken", async () => {
    const { port } = new URL(origin);
    const second = spawn(process.execPath, ["build/example/greeting/server.js"], {
      env: { ...process.env, PORT: port },
      stdio: ["ignore", "inherit", "pipe"],
    });
    const [said] = await Promise.all([text(second.stderr), once(second, "exit")]);
    expect(said).to.match(new RegExp(`EADDRINUSE.*:${port}\\b`));
    expect(second.exitCode).to.equal(1);
  });

  it("greets in a browser, connected again too", async function () {
    browser = await launchChromium(this);
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(origin);

    expect(await axeFaults(page)).to.deep.equal([]);
    await page.fill("[name=name]", "Rod");
    await page.click("text=Send");
    expect(await page.textContent("[role=alert]")).to.equal("Connect first.");

    for (const name of ["Rod", "<b>로드</b>"]) {
      await page.click("#connect");
      await page.waitForSelector("#connection[data-state=connected]");
      expect(await page.isVisible("[role=alert]")).to.equal(false);
      await page.fill("[name=name]", name);
      await page.click("text=Send");
      await page.waitForSelector(`li:has-text("Hello, ${name}!")`);
      await page.click("#disconnect");
      await page.waitForSelector("#connection[data-state=disconnected]");
    }

    expect(await page.locator("li").allTextContents()).to.deep.equal(["Hello, Rod!", "Hello, <b>로드</b>!"]);
    expect(await axeFaults(page)).to.deep.equal([]);

    await page.click("#connect");
    await page.waitForSelector("#connection[data-state=connected]");
    program.kill();
    await page.waitForSelector("#connection[data-state=reconnecting]");
    await page.fill("[name=name]", "Rod");
    await page.click("text=Send");
    expect(await page.textContent("[role=alert]")).to.match(/^There is no connection yet/);
    expect(await page.inputValue("[name=name]")).to.equal("Rod");
    expect(faults).to.deep.equal([]);
  });
});

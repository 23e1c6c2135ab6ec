import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { createChat } from "../../../example/chat/app.js";
import { findChromium } from "../../support/programs.js";
import { Person } from "./person.js";

const TALK = [
  ["Mina", "Morning! Who is up for a walk along the river?"],
  ["Jun", "Me!"],
  ["Jun", "I can bring coffee, and sandwiches if the shop is open."],
  ["Mina", "Lovely. Ten o’clock at the bridge?"],
  ["Jun", "See you there."],
] as const;

// Makes docs/chat.png: two people in one room, one at a desk, one with a phone.
const folder = mkdtempSync(join(tmpdir(), "chat-"));
const chat = await createChat({ databaseUrl: join(folder, "chat.db") });
const origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
const browser = await chromium.launch({
  executablePath: findChromium() ?? "chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});

const HEIGHT = 640;
const sharp = { deviceScaleFactor: 1 };
const mina = await Person.open(browser, origin, "Mina", {
  ...sharp,
  viewport: { width: 780, height: HEIGHT },
});
const phone = { viewport: { width: 320, height: HEIGHT }, hasTouch: true };
const jun = await Person.open(browser, origin, "Jun", { ...sharp, ...phone });

await mina.signUp();
await mina.openRoom("Morning walks");
await mina.enter("Morning walks");
await jun.signUp();
await jun.enter("Morning walks");
await mina.page.getByText("Jun joined the room.").waitFor();
for (const [name, text] of TALK) {
  const [writer, reader] = name === "Mina" ? [mina, jun] : [jun, mina];
  await writer.say(text);
  await reader.sees(text);
}

await mina.page.getByRole("button", { name: "Write privately to Jun" }).click();
await mina.say("I bring your birthday cake. Don’t tell!");
await jun.sees("I bring your birthday cake. Don’t tell!");
await mina.page.getByRole("button", { name: "Write to everyone again" }).click();

const images = [];
for (const { page } of [mina, jun]) {
  await page.evaluate("document.activeElement.blur()");
  images.push(`data:image/png;base64,${(await page.screenshot()).toString("base64")}`);
}

const both = await browser.newPage({ ...sharp, viewport: { width: 1190, height: HEIGHT + 60 } });
await both.setContent(`
  <body style="margin: 0; padding: 30px; display: flex; gap: 30px; background: #c9d2ea">
    ${images.map((url) => `<img src="${url}" height="${HEIGHT}" style="border-radius: 14px; box-shadow: 0 10px 30px #1e2a5a40">`).join("")}
  </body>`);
mkdirSync("docs", { recursive: true });
await both.screenshot({ path: "docs/chat.png" });

await browser.close();
await chat.close();
rmSync(folder, { recursive: true });

import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { findChromium } from "../support/programs.js";
import type { RawClient } from "../support/raw-client.js";
import { InspectorStage } from "./stage.js";

// Makes docs/inspector.png: the sessions and the answer of the rules, as one of the staff sees them; and, with a folder
// as argument, a picture of each page, in both languages, at a desk and on a phone.
const folder = process.argv[2];
const stage = await InspectorStage.open();
const { messaging } = stage.server;
const browser = await chromium.launch({
  executablePath: findChromium() ?? "chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});

const people = ["ann", "rod", "mina", "jun", "fabrice", "paulson", undefined, undefined];
const clients: RawClient[] = [];
for (const [at, name] of people.entries()) {
  const client = await stage.connect(name, at % 3 === 2 ? "/ws/websocket" : "/ws");
  clients.push(client);
  client.send("SUBSCRIBE\nid:0\ndestination:/topic/prices\n\n^@");
  if (at % 2 === 0) client.send("SUBSCRIBE\nid:1\ndestination:/topic/orders\n\n^@");
  if (name !== undefined) client.send("SUBSCRIBE\nid:2\ndestination:/user/queue/letters\n\n^@");
}
clients[0]!.send("SUBSCRIBE\nid:3\ndestination:/topic/kitchen\n\n^@");
clients[0]!.send("SUBSCRIBE\nid:4\ndestination:/queue/dishes\nack:client-individual\nprefetch-count:3\n\n^@");
for (const client of clients) await client.synchronize();
let round = 0;
const traffic = setInterval(() => {
  round++;
  clients[round % clients.length]!.send(
    `SEND\ndestination:/topic/orders\ncontent-type:application/json\nauthorization:Bearer x\n\n{"item":"soup ${round}"}^@`,
  );
  void messaging.template.convertAndSend("/topic/prices", { soup: 7 + (round % 4) });
  if (round % 5 === 0) void messaging.template.convertAndSend("/queue/dishes", { table: round });
}, 100);

async function picture(
  name: string,
  address: string,
  options: { phone?: boolean; lang?: string; dark?: boolean; size?: { width: number; height: number } } = {},
) {
  const context = await browser.newContext({
    viewport: options.size ?? (options.phone ? { width: 390, height: 844 } : { width: 1180, height: 760 }),
    locale: options.lang === "ko" ? "ko-KR" : "en-US",
    colorScheme: options.dark ? "dark" : "light",
    reducedMotion: "reduce",
  });
  await context.addCookies([
    { name: "staff", value: "sue:look,payloads,disconnect,unsubscribe,send", url: stage.origin },
  ]);
  const page = await context.newPage();
  page.on("console", (line) => console.log(name, line.text()));
  page.on("pageerror", (error) => console.log(name, error.message));
  await page.goto(`${stage.origin}/admin/stomp/${address}`);
  await page.waitForSelector("main h2");
  await page.waitForTimeout(address.includes("overview") ? 9_000 : 4_500);
  // This picture may be made where no letters of Korean are installed.
  if (folder === undefined) await page.locator("header [lang]").evaluate("(link) => link.remove()");
  const shot = await page.screenshot({
    ...(name !== "" && { path: name }),
    fullPage: options.phone === true,
  });
  await context.close();
  return shot;
}

mkdirSync("docs", { recursive: true });
if (folder === undefined) {
  const height = 680;
  const shots = await Promise.all([
    picture("", "#/sessions", { size: { width: 860, height } }),
    picture("", "#/rules?user=rod&destination=/topic/*", { size: { width: 360, height } }),
  ]);
  const images = shots.map((shot) => `data:image/png;base64,${shot.toString("base64")}`);
  const both = await browser.newPage({ viewport: { width: 1310, height: height + 60 } });
  await both.setContent(`
    <body style="margin: 0; padding: 30px; display: flex; gap: 30px; background: #c9d2ea">
      ${images.map((url) => `<img src="${url}" height="${height}" style="border-radius: 14px; box-shadow: 0 10px 30px #1e2a5a40">`).join("")}
    </body>`);
  await both.screenshot({ path: "docs/inspector.png" });
} else {
  mkdirSync(folder, { recursive: true });
  const ann = messaging.userRegistry.getUser("ann")!.sessions.keys().next().value;
  const places = {
    overview: "#/overview",
    sessions: "#/sessions",
    session: `#/session?id=${ann}`,
    destinations: "#/destinations",
    tap: "#/tap?of=/topic/orders",
    rules: "#/rules?user=rod&destination=/topic/*",
    mappings: "#/mappings",
    send: "#/send",
  };
  for (const [name, address] of Object.entries(places)) {
    await Promise.all([
      picture(`${folder}/${name}.png`, address),
      picture(`${folder}/${name}-phone.png`, address, {
        phone: true,
        lang: "ko",
        dark: name === "session" || name === "tap",
      }),
    ]);
  }
}
clearInterval(traffic);
await browser.close();
await stage.close();

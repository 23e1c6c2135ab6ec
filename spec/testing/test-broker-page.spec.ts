import { expect } from "chai";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { openPage } from "../example/shared/browser-person.js";
import { launchChromium } from "../support/chromium.js";

/** As the manual has it, in the page itself. */
const SCRIPT = `
  import { Client } from "@stomp/stompjs";
  import { testBroker } from "express-stomp/testing/broker";
  const show = (text) => document.body.append(text + " ");
  const broker = testBroker({ users: { rod: "secret" } });
  broker.on("/app/hello", ({ name }) => broker.send("/topic/greetings", { content: "Hello, " + name + "!" }));

  const stranger = new Client({ webSocketFactory: broker.webSocket, reconnectDelay: 0 });
  stranger.onStompError = ({ headers }) => {
    show("refused: " + headers.message);
    stranger.deactivate();
  };
  stranger.activate();
  await broker.frame("CONNECT");

  const client = new Client({
    webSocketFactory: broker.webSocket,
    connectHeaders: { login: "rod", passcode: "secret" },
    reconnectDelay: 10,
  });
  client.onConnect = () =>
    client.subscribe("/topic/greetings", ({ body }) => show(JSON.parse(body).content));
  client.activate();
  await broker.subscribed("/topic/greetings");
  client.publish({ destination: "/app/hello", body: '{"name":"Rod"}' });
  show("sent: " + (await broker.frame("SEND", "/app/hello")).body.name);

  broker.lines.cut();
  await broker.disconnected();
  await broker.subscribed("/topic/greetings");
  broker.send("/topic/greetings", { content: "Welcome back!" });
  await client.deactivate();
  show("done");`;

describe("testBroker in Chromium", function () {
  this.timeout(60_000);
  let browser: Browser | undefined;

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  it("is a server in the page: it refuses, answers, and is there again when a line was cut", async () => {
    const { outputFiles } = await build({
      stdin: { contents: SCRIPT, resolveDir: process.cwd() },
      bundle: true,
      write: false,
      platform: "browser",
      format: "esm",
    });
    const { page, faults } = await openPage(browser!);
    await page.addScriptTag({ content: outputFiles[0]!.text, type: "module" });
    await page.getByText("done").waitFor();

    const told = (await page.textContent("body"))?.trim().split(/ (?=refused|sent|Hello|Welcome|done)/);
    expect(told).to.deep.equal([
      "refused: Bad credentials",
      "Hello, Rod!",
      "sent: Rod",
      "Welcome back!",
      "done",
    ]);
    expect(faults).to.deep.equal([]);
  });
});

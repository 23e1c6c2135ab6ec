import { expect } from "chai";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { openPage } from "../example/shared/browser-person.js";
import { launchChromium } from "../support/chromium.js";
import { StompStub } from "../support/stomp-stub.js";

describe("express-stomp/client in Chromium", function () {
  this.timeout(120_000);
  let browser: Browser | undefined;
  let stub: StompStub;

  before(async function () {
    browser = await launchChromium(this);
    stub = await StompStub.open();
  });

  after(async () => {
    stub?.close();
    await browser?.close();
  });

  it("goes on where the page stood before it was loaded again, and before it was offline", async () => {
    const script = `
      import { Client } from "@stomp/stompjs";
      import { resuming } from "./dist/client/index.js";
      const client = new Client({ brokerURL: "${stub.url}", reconnectDelay: 10 });
      const live = resuming(client, { storage: sessionStorage });
      const write = (text) => document.body.append(text + " ");
      live.subscribe("/topic/a", ({ body }) => write(body), { onReload: () => write("reload") });
      client.activate();
      live.publish({ destination: "/topic/b", body: "hello" }, { retry: true }).then(() => write("confirmed"));`;
    const { outputFiles } = await build({
      stdin: { contents: script, resolveDir: process.cwd() },
      bundle: true,
      format: "iife",
      write: false,
    });
    const { page, faults } = await openPage(browser!);
    stub.page = `<!doctype html><meta charset="UTF-8"><link rel="icon" href="data:,"><body></body><script>${outputFiles[0]!.text}</script>`;
    const subscribed = async () => {
      const line = await stub.line();
      const subscribe = await line.until("SUBSCRIBE");
      const ids = { destination: "/topic/a", subscription: subscribe.headers.get("id") ?? "" };
      const message = (id: string, body: string, headers = {}) =>
        line.send("MESSAGE", { ...ids, "message-id": id, ...headers }, body);
      return { line, message, since: subscribe.headers.get("since") ?? "none" };
    };

    await page.goto(`http:${stub.address}`);
    const first = await subscribed();
    first.message("e-1", "", { recovered: "false" });
    first.message("e-2", "two");
    first.line.confirm(await first.line.until("SEND"));
    await page.getByText("two").waitFor();
    await page.getByText("confirmed").waitFor();
    await page.reload();
    const second = await subscribed();
    second.message("e-2", "", { recovered: "true" });
    second.message("e-3", "three", { replayed: "true" });
    await page.getByText("three").waitFor();
    // Without its line the page cannot know that it is offline.
    await page.context().setOffline(true);
    second.line.cut();
    await page.context().setOffline(false);
    const third = await subscribed();
    third.message("f-9", "", { recovered: "false" });
    await page.getByText("reload").waitFor();

    expect([first.since, second.since, third.since]).to.deep.equal(["now", "e-2", "e-3"]);
    expect(faults).to.deep.equal([]);
  });
});

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect } from "chai";
import express, { type Express } from "express";
import { Controller, MessageMapping, Payload, SendTo, type StompMessagingOptions } from "express-stomp";
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "../support/chromium.js";
import { FakeTime } from "../support/fake-time.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

@Controller()
class EchoController {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() text: string): string {
    return text;
  }
}

/**
 * What it takes to talk over one transport; resolves with how it went. The client stays: sockjs-client sends a
 * DISCONNECT only after it has closed its stream, so that it may meet a session that is gone, and log a 404.
 */
const TALK = `
  function talk({ url, transport, texts }) {
    return new Promise((resolve) => {
      const socket = new SockJS(url, null, { transports: [transport] });
      const client = Stomp.over(socket);
      const received = [];
      client.debug = null;
      const failed = () => resolve({ failed: true, received });
      client.connect({}, () => {
        const used = socket.transport;
        client.onreceipt = () => {
          for (const text of texts) client.send("/app/echo", {}, text);
        };
        client.subscribe("/topic/echo", ({ body }) => {
          received.push(body);
          if (received.length === texts.length) resolve({ used, received });
        }, { receipt: "subscribed" });
      }, failed);
    });
  }`;
const PAGE = `<!DOCTYPE html><meta charset="UTF-8"><link rel="icon" href="data:,"><script src="/js/sockjs.js"></script>
<script src="/js/stomp.js"></script><script>${TALK}</script><body></body>`;
const TEXTS = [
  "안녕하세요 👋",
  '</script><script>document.title = "hacked"</script><!--',
  "100% %25 %0a",
  "line\r\nline\n\ndata: x",
  "\u2028\u2029\u200c\ufeff\u0001'\"\\&lt;",
  "x".repeat(20_000),
  "\u0001".repeat(60_000),
  ...Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(1000, ".")),
  "last",
];
/** Sessions that pages leave behind do not hold up the end of a spec. */
const SOON = { disconnectDelay: 2_000 };
const ALL = ["websocket", "xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"] as const;

/** The page and the scripts it loads. */
function servePage(app: Express): void {
  app.get("/", (_req, res) => void res.send(PAGE));
  app.get("/js/sockjs.js", (_req, res) =>
    res.sendFile("node_modules/sockjs-client/dist/sockjs.min.js", { root: "." }),
  );
  app.get("/js/stomp.js", (_req, res) => res.sendFile("node_modules/stompjs/lib/stomp.js", { root: "." }));
}

describe("A page in a browser", function () {
  this.timeout(120_000);

  let browser: Browser;
  let page: Page;
  let server: TestServer;
  let faults: string[];

  before(async function () {
    browser = await launchChromium(this);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    page = await (await browser.newContext()).newPage();
    faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(`${message.text()} ${message.location().url}`);
    });
  });

  afterEach(async () => {
    await page.context().close();
    await server.close();
  });

  async function start(options: Partial<StompMessagingOptions>): Promise<void> {
    server = await startServer({ controllers: [EchoController], ...options }, servePage);
  }

  async function talk(transport: string, url: string): Promise<unknown> {
    return await page.evaluate(`talk(${JSON.stringify({ url, transport, texts: TEXTS })})`);
  }

  for (const transport of [
    "websocket",
    "websocket, compressed",
    "xhr-streaming",
    "xhr-polling",
    "eventsource",
    "jsonp-polling",
    "htmlfile",
    "iframe-eventsource",
    "iframe-htmlfile",
    "iframe-xhr-polling",
  ]) {
    it(`talks over ${transport}`, async () => {
      const [used = "", compressed] = transport.split(", ");
      const sockJS = {
        ...SOON,
        transportHandlers: ALL,
        clientLibraryUrl: "/js/sockjs.js",
        streamBytesLimit: 4096,
      };
      await start({
        endpoints: [{ path: "/ws", sockJS }],
        transport: { perMessageDeflate: compressed !== undefined },
      });
      await page.goto(`http://127.0.0.1:${server.port}/`);

      expect(await talk(used, "/ws")).to.deep.equal({ used, received: TEXTS });
      expect(await page.title()).to.equal("");
      expect(faults).to.deep.equal([]);
    });
  }

  it("is not cut while its timers stand still, as those of hidden pages nearly do", async () => {
    const clock = new FakeTime();
    await start({ clock });
    const opened = once(server.server, "upgrade");
    await page.goto(`http://127.0.0.1:${server.port}/`);
    const heard = page.evaluate(`new Promise((resolve) => {
      const client = Stomp.over(new WebSocket(location.origin.replace("http", "ws") + "/ws"));
      client.debug = null;
      window.beats = 0;
      setInterval(() => window.ticks++, 1);
      client.ws.send = (text) => { if (text === "\\n") window.beats++; WebSocket.prototype.send.call(client.ws, text); };
      client.connect({}, () => {
        client.subscribe("/topic/echo", ({ body }) => { window.heard = body; resolve(body); });
        client.send("/topic/echo", {}, "in front");
      });
    })`);
    const [, line] = (await opened) as [unknown, Socket];
    expect(await heard).to.equal("in front");
    const devTools = await page.context().newCDPSession(page);
    await page.evaluate("window.ticks = 0");
    await devTools.send("Emulation.setVirtualTimePolicy", { policy: "pause" });

    let pongs = 0;
    for (let seconds = 0; seconds < 300; seconds++) {
      const { bytesRead, bytesWritten } = line;
      clock.pass(1_000);
      await settled();
      // A ping has two bytes, a heart-beat three. The browser answers by itself.
      if ((line.bytesWritten - bytesWritten) % 3 === 0) continue;
      pongs++;
      while (line.bytesRead === bytesRead) await settled();
    }
    expect(await page.evaluate("window.beats")).to.equal(0);
    // It would have been hundreds.
    expect(await page.evaluate("window.ticks")).to.be.below(20);
    expect(faults).to.deep.equal([]);
    await server.messaging.template.convertAndSend("/topic/echo", "hidden");
    // From here on the page's time runs faster than the server's, which is too slow for the page's client then.
    await devTools.send("Emulation.setVirtualTimePolicy", { policy: "advance" });
    await page.waitForFunction('window.heard === "hidden"');
    expect(pongs).to.be.within(10, 30);
  });

  describe("when it is of another origin", () => {
    let other: Server;

    beforeEach(async () => {
      const app = express();
      servePage(app);
      other = createServer(app);
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    });

    afterEach(async () => {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    });

    async function open(isAllowed: boolean): Promise<void> {
      const origin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      await start({ endpoints: [{ path: "/ws", sockJS: SOON, allowedOrigins: isAllowed ? [origin] : [] }] });
      await page.goto(origin);
    }

    for (const transport of ["websocket", "xhr-streaming", "xhr-polling", "eventsource"]) {
      it(`talks over ${transport} if it is allowed`, async () => {
        await open(true);
        const url = `http://127.0.0.1:${server.port}/ws`;
        expect(await talk(transport, url)).to.deep.equal({ used: transport, received: TEXTS });
        expect(faults).to.deep.equal([]);
      });

      it(`does not over ${transport} if it is not`, async () => {
        let connected = 0;
        await open(false);
        server.messaging.on("connect", () => void connected++);
        expect(await talk(transport, `http://127.0.0.1:${server.port}/ws`)).to.include({ failed: true });
        expect(connected).to.equal(0);
      });
    }

    it("shows no frame of this server's, and calls no script of it", async () => {
      const sockJS = { ...SOON, transportHandlers: ALL, clientLibraryUrl: "/js/sockjs.js" };
      await start({ endpoints: [{ path: "/ws", sockJS }] });
      await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
      const url = `http://127.0.0.1:${server.port}/ws`;
      const outcome = await page.evaluate(`new Promise((resolve) => {
        window.cb = () => resolve("called");
        const script = document.createElement("script");
        script.onerror = () => resolve("refused");
        script.src = ${JSON.stringify(`${url}/000/s1/jsonp?c=cb`)};
        document.body.append(script);
      })`);
      expect(outcome).to.equal("refused");

      const framed = page.waitForEvent("console", (message) => /frame/i.test(message.text()));
      await page.evaluate(`document.body.append(Object.assign(document.createElement("iframe"),
        { src: ${JSON.stringify(`${url}/iframe.html`)} }))`);
      expect((await framed).text()).to.match(/frame-ancestors|X-Frame-Options/);
    });
  });
});

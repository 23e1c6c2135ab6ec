import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { IMessage } from "@stomp/stompjs";
import { expect } from "chai";
import WebSocket from "ws";
import { RawClient } from "../../support/raw-client.js";
import { connected, cook, hear } from "./kitchen.js";

describe("The recipe", () => {
  let close: (() => Promise<void>) | undefined;
  let program: ChildProcess | undefined;

  afterEach(async () => {
    await close?.();
    close = undefined;
    program?.kill("SIGKILL");
  });

  /** As `npm run recipe -- <name>` does, behind the compiler. */
  function run(name: string) {
    const child = spawn(process.execPath, ["build/example/recipes/run.js", name], {
      env: { ...process.env, PORT: "0", NODE_V8_COVERAGE: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    program = child;
    return child;
  }

  it("slow-consumers: drops the oldest of who stops reading, tells of it, and keeps the session", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/slow-consumers.js"));
    close = kitchen.close;
    const { messaging, publish } = kitchen.recipe;
    const client = await RawClient.connect(kitchen.port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/price/*\nreceipt:r\n\n^@");
    expect(await client.frame()).to.match(/^RECEIPT\n/);
    client.webSocket.pause();
    const bulk = Buffer.alloc(128 * 1024);
    for (let i = 0; messaging.stats().messagesDropped === 0; i++) {
      // The kernel holds some MiB for both ends.
      expect(i, "sent to one that does not read").to.be.below(500);
      await messaging.template.convertAndSend("/topic/price/BULK", bulk);
    }
    await publish("KRX", 7);
    client.webSocket.resume();
    while (!(await client.frame()).includes('"ticker":"KRX","price":7'));

    expect(kitchen.log).to.have.length(1);
    expect(kitchen.log[0]).to.match(/^slow: a stranger at .* passed sendBufferSizeLimit$/);
    const stats = await fetch(`http://127.0.0.1:${kitchen.port}/stats`).then((answer) => answer.json());
    expect(stats).to.include({ connections: 1 });
    client.cut();
  });

  it("queue-workers: gives each job to one worker, again after a crash, and sets a bad one aside", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/queue-workers.js"));
    close = kitchen.close;
    const { port, recipe } = kitchen;
    const add = (body: string) =>
      fetch(`http://127.0.0.1:${port}/jobs`, {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body,
      });
    const watcher = kitchen.client();
    await connected(watcher);
    const failed = await hear(watcher, "/topic/failed-jobs");

    const crashing = await RawClient.connect(port);
    crashing.send("SUBSCRIBE\nid:1\ndestination:/queue/jobs\nack:client-individual\n\n^@");
    await add("one");
    expect(await crashing.frame()).to.match(/\n\none\^@$/);

    const done: string[] = [];
    let told = () => {};
    const three = new Promise<void>((resolve) => {
      told = () => done.length === 3 && resolve();
    });
    const worker = kitchen.client();
    await connected(worker);
    recipe.work(worker, async (job) => {
      if (job === "bad") throw new Error("It cannot be done");
      done.push(job);
      told();
    });
    for (const job of ["bad", "two", "three"]) await add(job);
    crashing.cut();

    await three;
    expect(done.toSorted()).to.deep.equal(["one", "three", "two"]);
    const aside: IMessage = await failed.next();
    expect([aside.body, aside.headers["original-destination"]]).to.deep.equal(["bad", "/queue/jobs"]);
  });

  it("reliable-sends: sends again what has no receipt, and the server does it once", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/reliable-sends.js"));
    close = kitchen.close;
    const { messaging, reliableSender } = kitchen.recipe;
    const watcher = kitchen.client();
    await connected(watcher);
    const orders = await hear(watcher, "/topic/orders");

    const sockets: WebSocket[] = [];
    const client = kitchen.client();
    client.webSocketFactory = () => {
      const socket = new WebSocket(`ws://127.0.0.1:${kitchen.port}/ws`, ["v12.stomp"]);
      sockets.push(socket);
      return socket;
    };
    // The first order is handled, and the connection breaks before its receipt.
    let cuts = 0;
    messaging.clientInboundChannel.addInterceptor({
      postSend({ headers }) {
        if (headers.destination === "/app/orders" && ++cuts === 1) sockets[0]!.terminate();
      },
    });
    const send = reliableSender(client);
    await connected(client);
    await send("tea");
    await send("coffee");

    // The repeat is answered in front of all interceptors.
    expect(cuts).to.equal(2);
    expect(sockets).to.have.length(2);
    expect(await orders.json()).to.include({ item: "tea" });
    expect(await orders.json()).to.include({ item: "coffee" });
  });

  it("missed-messages: shows each message once over reconnects, and loads anew when that cannot be", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/missed-messages.js"));
    close = kitchen.close;
    const { messaging, follow } = kitchen.recipe;
    const room = `http://127.0.0.1:${kitchen.port}/room/7`;
    const say = (body: string) =>
      fetch(room, { method: "POST", body, headers: { "content-type": "text/plain" } });
    await say("before");
    const page = (await (await fetch(room)).json()) as { position: string; newest: string[] };
    expect(page.newest).to.deep.equal(["before"]);
    await say("between");

    const sockets: WebSocket[] = [];
    const client = kitchen.client("?user=rod");
    client.webSocketFactory = () => {
      const socket = new WebSocket(`ws://127.0.0.1:${kitchen.port}/ws?user=rod`, ["v12.stomp"]);
      sockets.push(socket);
      return socket;
    };
    const seen: string[] = [];
    let told = () => {};
    const next = (count: number) =>
      new Promise<void>((resolve) => {
        told = () => seen.length >= count && resolve();
        told();
      });
    const tell = (text: string) => {
      seen.push(text);
      told();
    };
    follow(client, "/topic/room/7", {
      since: page.position,
      show: ({ body }) => tell(body),
      reload: () => tell("reload"),
    });
    client.activate();
    await next(1);
    /** Loses the line, and comes back when all of these were said. */
    const miss = async (bodies: readonly string[]) => {
      let comeBack = () => {};
      const said = new Promise<void>((resolve) => {
        comeBack = resolve;
      });
      client.beforeConnect = () => said;
      const gone = new Promise((resolve) => messaging.on("disconnect", resolve));
      sockets.at(-1)?.terminate();
      await gone;
      for (const body of bodies) await say(body);
      comeBack();
    };
    await miss(["missed", "missed too"]);
    await next(3);
    await miss(Array.from({ length: 101 }, () => "too much"));
    await next(4);
    expect(seen).to.deep.equal(["between", "missed", "missed too", "reload"]);
  });

  it("presence: tells who comes and goes, and nothing of a page that is loaded again", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/presence.js"), { GRACE_MS: "1000" });
    close = kitchen.close;
    const watcher = kitchen.client("?user=mina");
    await connected(watcher);
    const presence = await hear(watcher, "/topic/online/presence");
    const names = (told: unknown) => {
      const {
        users,
        joined = [],
        left = [],
      } = told as Record<"users" | "joined", { name: string }[]> & { left?: string[] };
      return [...(users ?? joined).map(({ name }) => name), ...left.map((name) => `-${name}`)].toSorted();
    };
    expect(names(await presence.json())).to.deep.equal([]);
    const seen = async (user: string) => {
      const client = await RawClient.connect(kitchen.port, "", `/ws?user=${user}`);
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/online\n\n^@");
      return client;
    };

    const rod = await seen("rod");
    expect(names(await presence.json())).to.deep.equal(["rod"]);
    rod.cut();
    const again = await seen("rod");
    const kim = await seen("kim");
    expect(names(await presence.json())).to.deep.equal(["kim"]);
    kim.cut();
    expect(names(await presence.json())).to.deep.equal(["-kim"]);
    again.cut();
  });

  it("graceful-shutdown: handles what has come at SIGTERM, then closes with 1001 and ends", async () => {
    const child = run("graceful-shutdown");
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const port = Number(/localhost:(\d+)/.exec(line)?.[1]);
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).to.equal(200);
    const client = await RawClient.connect(port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/orders\n\n^@");
    await client.synchronize();
    client.send("SEND\ndestination:/app/orders\nreceipt:handled\ncontent-type:text/plain\n\ntea^@");
    // The order is being handled when the server answers this, and it takes half a second.
    await fetch(`http://127.0.0.1:${port}/ready`);
    const ended = once(child, "exit");
    child.kill("SIGTERM");

    expect(await client.frame()).to.match(/^MESSAGE\n.*\n\ntea\^@$/s);
    expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:handled\n\n^@");
    expect(await client.closed()).to.equal(1001);
    expect(await ended).to.deep.equal([0, null]);
  });

  it("testing: is a test that passes", async () => {
    const child = run("testing");
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect(said).to.match(/pass 3/);
    expect(code).to.equal(0);
  });
});

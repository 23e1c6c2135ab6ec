import { expect } from "chai";
import type { SessionRow } from "express-stomp/inspector";
import { Walks } from "#lib/inspector/walks.js";
import { InspectorStage } from "./stage.js";

describe("The inspector's answers", () => {
  let stage: InspectorStage;

  beforeEach(async () => {
    stage = await InspectorStage.open();
  });

  afterEach(() => stage.close());

  it("tell the state, the stats and the endpoints", async () => {
    await stage.connect("rod");
    const { body } = await stage.ask("api/overview");
    expect(body).to.include({ users: 1, status: "up" });
    expect(body.endpoints).to.deep.equal(["/ws"]);
    expect(body.stats).to.include({ connections: 1, sessions: 1 });
    const closed = stage.server.messaging.close({ spreadMs: 10_000 });
    expect((await stage.ask("api/overview")).body.status).to.equal("closing");
    await stage.server.messaging.close();
    await closed;
  });

  it("list sessions, by what is asked for, a hundred at a time, in order", async () => {
    const names = Array.from({ length: 105 }, (_, at) => `user-${String(at).padStart(3, "0")}`);
    await Promise.all(names.map((name) => stage.connect(name)));
    const stranger = await stage.connect();
    stranger.send("SUBSCRIBE\nid:1\ndestination:/topic/o*\n\n^@");
    await stranger.synchronize();

    const first = (await stage.ask("api/sessions?sort=user")).body;
    expect(first).to.include({ total: 106, matched: 106, page: 0, isCut: false });
    expect(first.rows).to.have.length(100);
    expect(first.rows[0]).to.include({ user: "user-000", transport: "websocket", version: "1.2" });
    const second = (await stage.ask("api/sessions?sort=user&page=1")).body;
    expect(second.rows.map(({ user }: SessionRow) => user)).to.deep.equal([
      ...[100, 101, 102, 103, 104].map((each) => `user-${each}`),
      undefined,
    ]);
    const sent = (await stage.ask("api/sessions?sort=received")).body;
    expect(sent.rows[0].id).to.equal(stranger.sessionId);

    for (const [query, id] of [
      ["user=user-007", (row: SessionRow) => row.user === "user-007"],
      [`user=${stranger.sessionId}`, (row: SessionRow) => row.id === stranger.sessionId],
      ["destination=/topic/orders", (row: SessionRow) => row.id === stranger.sessionId],
      [`destination=${encodeURIComponent("/topic/o*")}`, (row: SessionRow) => row.id === stranger.sessionId],
    ] as const) {
      const { rows, matched, total } = (await stage.ask(`api/sessions?${query}`)).body;
      expect([matched, total, rows.every(id)], query).to.deep.equal([1, 106, true]);
    }
    expect((await stage.ask("api/sessions?transport=xhr-streaming")).body.matched).to.equal(0);
  });

  it("tell all of one session, and that it is gone", async () => {
    const rod = await stage.connect("rod");
    rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nack:client\n\n^@");
    rod.send("SUBSCRIBE\nid:2\ndestination:/topic/b\nselector:size > 3\n\n^@");
    await rod.synchronize();
    const { body } = await stage.ask(`api/sessions/${rod.sessionId}`);
    expect(body.session).to.include({ user: "rod", isConnected: true });
    expect(body.subscriptionCount).to.equal(2);
    expect(body.subscriptions).to.deep.equal([
      { id: "1", destination: "/topic/a", isPrivate: false, ack: "client", unacknowledged: 0 },
      { id: "2", destination: "/topic/b", isPrivate: false, ack: "auto", selector: "size > 3" },
    ]);
    const gone = await stage.ask("api/sessions/nobody");
    expect(gone.status).to.equal(404);
    expect(gone.body.error).to.include("There is no such session on this server");
  });

  it("put together what is heard, waits and is kept of each destination", async () => {
    const { template } = stage.server.messaging;
    for (const name of ["rod", "ann"]) {
      const client = await stage.connect(name);
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/orders\n\n^@");
      client.send("SUBSCRIBE\nid:2\ndestination:/user/queue/a\n\n^@");
      await client.synchronize();
    }
    await template.convertAndSend("/topic/orders", "x");
    await template.convertAndSend("/topic/prices", "x");
    await template.convertAndSend("/queue/a", "x");
    await template.convertAndSend("/queue/a", "y");

    const { rows, total } = (await stage.ask("api/destinations?sort=destination")).body;
    expect(total).to.equal(4);
    const [queue, orders, prices, own] = rows;
    expect(queue).to.include({ destination: "/queue/a", subscriptions: 0, isPrivate: false });
    expect(queue.waiting).to.include({ messages: 2 });
    expect(orders).to.include({ destination: "/topic/orders", subscriptions: 2 });
    expect(orders.history).to.include({ messages: 1 });
    expect(prices.retained).to.include({ messages: 1 });
    expect(own).to.include({ destination: "/user/queue/a", subscriptions: 2, isPrivate: true });
    const found = (await stage.ask("api/destinations?q=orders")).body;
    expect(found).to.include({ matched: 1, total: 1 });
  });

  it("say which rule decides, of a user as connected, as found, or by name alone", async () => {
    await stage.close();
    stage = await InspectorStage.open({
      findUser: async (name) => (name === "max" ? Object.assign({ name }, { roles: ["COOK"] }) : undefined),
    });
    const ann = await stage.connect("ann");
    ann.send("SUBSCRIBE\nid:1\ndestination:/topic/kitchen\n\n^@");
    await ann.synchronize();
    const ask = async (user: string) =>
      (await stage.ask(`api/rules?user=${user}&destination=/topic/kitchen`)).body;
    expect(await ask("ann")).to.include({ granted: true, asWhom: "user", heardBy: 1, servedBy: "broker" });
    expect(await ask("max")).to.include({ granted: true, asWhom: "user" });
    expect(await ask("zoe")).to.include({ granted: false, asWhom: "name" });
    const stranger = await ask("");
    expect(stranger).to.include({ granted: false, asWhom: "stranger" });
    expect(stranger.rule)
      .to.include('simpSubscribeDestMatchers("/topic/kitchen")')
      .and.include('hasRole("COOK")');
    const order = (await stage.ask("api/rules?user=rod&command=SEND&destination=/app/orders/1")).body;
    expect(order).to.include({
      granted: false,
      rule: '@Authorize(hasRole("COOK"))',
      method: "OrderController.order",
    });
  });

  it("list the mappings, with their schemas and rights", async () => {
    const { body } = await stage.ask("api/mappings");
    expect(body).to.deep.equal([
      {
        command: "SEND",
        destinations: ["/app/orders/{room}"],
        method: "OrderController.order",
        authorize: 'hasRole("COOK")',
        payload: "zod",
        replies: ["/topic/orders"],
      },
      {
        command: "SUBSCRIBE",
        destinations: ["/app/menu"],
        method: "OrderController.menu",
        replies: ["/app/menu"],
      },
    ]);
  });

  it("say what was wrong with a question", async () => {
    for (const [path, status, sentence] of [
      [
        "api/sessions?sort=color",
        400,
        "sort is one of since, user, waiting, received, sent, address, transport.",
      ],
      ["api/sessions?page=-1", 400, "page is a whole number from 0 to 10000."],
      ["api/sessions?page=x", 400, "page is a whole number from 0 to 10000."],
      ["api/rules", 400, "destination is missing: say what it is about, such as /topic/news."],
      ["api/rules?destination=/a&command=ACK", 400, "command is one of SUBSCRIBE, SEND."],
      ["api/nothing", 404, "There is no GET /nothing here."],
      ["api/disconnect", 404, "There is no GET /disconnect here."],
    ] as const) {
      const answer = await stage.ask(path);
      expect([answer.status, answer.body], path).to.deep.equal([status, { error: sentence }]);
    }
  });

  it("name sessions on other servers only, as these have told of them", async () => {
    await stage.connect("rod");
    expect((await stage.ask("api/elsewhere")).body).to.include({ matched: 0 });
  });
});

describe("A walk over a long list", () => {
  it("looks at a thousand entries in a turn of the event loop at most, and one walk goes after the other", async () => {
    const walks = new Walks();
    let turn = 0;
    let isOver = false;
    const tick = () => {
      turn++;
      if (!isOver) setImmediate(tick);
    };
    setImmediate(tick);
    const seen = new Map<number, number>();
    const look = () => void seen.set(turn, (seen.get(turn) ?? 0) + 1);
    const entries = Array.from({ length: 10_000 }, (_, at) => at);
    const walk = () => walks.over(entries, { most: 50_000, look, isGone: () => false });
    const walked = await Promise.all([walk(), walk()]);
    isOver = true;
    expect(walked).to.deep.equal([
      { count: 10_000, isCut: false },
      { count: 10_000, isCut: false },
    ]);
    expect(Math.max(...seen.values())).to.be.at.most(1_000);
    expect([...seen.values()].reduce((sum, each) => sum + each)).to.equal(20_000);
  });

  it("ends at its limit, and when nobody waits for it any more", async () => {
    const walks = new Walks();
    const seen: number[] = [];
    const look = (entry: number) => void seen.push(entry);
    expect(await walks.over([1, 2, 3], { most: 2, look, isGone: () => false })).to.deep.equal({
      count: 2,
      isCut: true,
    });
    expect(await walks.over([4], { most: 9, look, isGone: () => true })).to.deep.equal({
      count: 0,
      isCut: true,
    });
    expect(seen).to.deep.equal([1, 2]);
  });

  it("goes on after one that fails, and refuses when too many wait", async () => {
    const walks = new Walks();
    const options = { most: 9, isGone: () => false };
    const failing = walks.over([1], {
      ...options,
      look() {
        throw new Error("no");
      },
    });
    const next = walks.over([1, 2], { ...options, look() {} });
    expect(await failing.catch((error: Error) => error.message)).to.equal("no");
    expect((await next).count).to.equal(2);
    const many = Array.from({ length: 20 }, () => walks.over([1], { ...options, look() {} }));
    expect(() => walks.over([1], { ...options, look() {} })).to.throw(
      "Too many questions are asked at once.",
    );
    await Promise.all(many);
    expect((await walks.over([1], { ...options, look() {} })).count).to.equal(1);
  });
});

import { expect } from "chai";
import type { TappedFrame } from "express-stomp";
import { testMessaging } from "express-stomp/testing";
import { InspectorStage } from "../inspector/stage.js";
import { RawClient } from "../support/raw-client.js";
import { RelayStage } from "../support/relay-stage.js";
import { openShared } from "../support/shared-relay-stage.js";

describe("messaging.inspection", () => {
  let stage: InspectorStage;

  afterEach(() => stage.close());

  const inspection = () => stage.server.messaging.inspection;

  it("tells of each session its user, version, address and what has passed, of strangers and before CONNECT too", async () => {
    stage = await InspectorStage.open();
    const rod = await stage.connect("rod");
    const stranger = await stage.connect();
    const early = await RawClient.open(stage.server.port);
    while ([...inspection().sessions()].length < 3) await new Promise((resolve) => setImmediate(resolve));

    const [first, second, third] = [...inspection().sessions()];
    expect(first).to.include({
      id: rod.sessionId,
      isConnected: true,
      version: "1.2",
      transport: "websocket",
    });
    expect(first).to.include({ address: "127.0.0.1", bytesWaiting: 0 });
    expect(first!.user?.name).to.equal("rod");
    expect(second).to.include({ id: stranger.sessionId, user: undefined });
    expect(third).to.include({ isConnected: false, version: undefined, framesReceived: 0, framesSent: 0 });

    rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await rod.synchronize();
    const before = inspection().session(rod.sessionId)!;
    for (const client of [stranger, stranger, rod]) {
      client.send("SEND\ndestination:/topic/a\n\nhello^@");
      await client.synchronize();
    }
    await rod.synchronize();
    const after = inspection().session(rod.sessionId)!;
    // A SEND and two UNSUBSCRIBEs of `synchronize`; three MESSAGEs and their receipts.
    expect(after.framesReceived - before.framesReceived).to.equal(3);
    expect(after.framesSent - before.framesSent).to.equal(5);
    expect(after.bytesReceived).to.be.above(before.bytesReceived);
    expect(after.bytesSent).to.be.above(before.bytesSent);
    expect(inspection().session("nobody's")).to.equal(undefined);
    early.cut();
  });

  it("tells the transport of SockJS, and other versions", async () => {
    stage = await InspectorStage.open();
    const kit = await testMessaging(stage.server.app, stage.server.messaging);
    await kit.connect({ transport: "xhr-polling", version: "1.1" });
    await kit.connect({ transport: "xhr-streaming", version: "1.0" });
    await kit.connect({ transport: "sockjs-websocket" });
    const told = [...inspection().sessions()].map(({ transport, version }) => `${transport} ${version}`);
    expect(told).to.deep.equal(["xhr-polling 1.1", "xhr-streaming 1.0", "websocket 1.2"]);
    await kit.close();
  });

  it("tells of subscriptions how they acknowledge and choose, and what they owe", async () => {
    stage = await InspectorStage.open();
    const rod = await stage.connect("rod");
    rod.send("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client-individual\nselector:size > 3\n\n^@");
    rod.send("SUBSCRIBE\nid:2\ndestination:/user/queue/b\nack:client\n\n^@");
    rod.send("SEND\ndestination:/queue/a\nsize:4\n\nx^@");
    const stranger = await stage.connect();
    stranger.send("SUBSCRIBE\nid:1\ndestination:/topic/o*\n\n^@");
    await stranger.synchronize();
    await rod.synchronize();

    const all = [...inspection().subscriptions()];
    expect(all).to.deep.equal([
      {
        sessionId: rod.sessionId,
        id: "1",
        destination: "/queue/a",
        isPrivate: false,
        ack: "client-individual",
        selector: "size > 3",
        unacknowledged: 1,
      },
      {
        sessionId: rod.sessionId,
        id: "2",
        destination: "/user/queue/b",
        isPrivate: true,
        ack: "client",
        selector: undefined,
        unacknowledged: 0,
      },
      {
        sessionId: stranger.sessionId,
        id: "1",
        destination: "/topic/o*",
        isPrivate: false,
        ack: "auto",
        selector: undefined,
        unacknowledged: undefined,
      },
    ]);
    expect([...inspection().subscriptions(stranger.sessionId)]).to.deep.equal([all[2]]);
    expect([...inspection().receivers("/topic/orders")!]).to.deep.equal([stranger.sessionId]);
  });

  it("tells what waits in queues, and what is kept, until it has gone", async () => {
    stage = await InspectorStage.open();
    const { template } = stage.server.messaging;
    const before = Date.now();
    for (const text of ["1", "2", "3"]) {
      await template.convertAndSend("/queue/a", text);
      await template.convertAndSend("/topic/prices", text);
      await template.convertAndSend("/topic/orders", text);
    }
    const [queue, ...others] = [...inspection().queues()];
    expect(others).to.deep.equal([]);
    expect(queue).to.include({ destination: "/queue/a", messages: 3 });
    expect(queue!.since.getTime()).to.be.within(before, Date.now());
    const three = queue!.bytes;
    const kept = [...inspection().kept()].map(({ kind, destination, messages }) => ({
      kind,
      destination,
      messages,
    }));
    expect(kept).to.deep.equal([
      { kind: "retained", destination: "/topic/prices", messages: 1 },
      { kind: "history", destination: "/topic/orders", messages: 3 },
    ]);

    const rod = await stage.connect("rod");
    rod.send("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client-individual\nprefetch-count:1\n\n^@");
    await rod.synchronize();
    const [rest] = [...inspection().queues()];
    expect(rest).to.include({ messages: 2 });
    expect(rest!.bytes).to.equal((three / 3) * 2);
    rod.send("SUBSCRIBE\nid:2\ndestination:/queue/a\n\n^@");
    await rod.synchronize();
    expect([...inspection().queues()]).to.deep.equal([]);
  });

  it("explains exactly what the rules and @Authorize do to a frame", async () => {
    stage = await InspectorStage.open();
    const cases = [
      ["SUBSCRIBE", "/topic/kitchen"],
      ["SUBSCRIBE", "/topic/*"],
      ["SUBSCRIBE", "/topic/orders"],
      ["SUBSCRIBE", "/elsewhere"],
      ["SEND", "/topic/kitchen"],
      ["SEND", "/app/orders/1"],
      ["SEND", "/user/rod/queue/a"],
    ] as const;
    const found: string[] = [];
    for (const name of ["ann", "rod", undefined]) {
      for (const [command, destination] of cases) {
        const user = name === undefined ? undefined : { name, roles: name === "ann" ? ["COOK"] : [] };
        const { granted, rule } = await inspection().explain(user, command, destination);
        const client = await stage.connect(name);
        const body = command === "SEND" ? '{"item":"soup"}' : "";
        client.send(`${command}\nid:1\ndestination:${destination}\nreceipt:r\n\n${body}^@`);
        const answer = await client.frame();
        const isDenied = /message:(Access denied|Clients may not)/.test(answer);
        expect(granted, `${name} ${command} ${destination}: ${answer}`).to.equal(!isDenied);
        if (!granted) found.push(`${name} ${command} ${destination}: ${rule.trim().replace(/\s+/g, " ")}`);
      }
    }
    expect(found.slice(0, 4)).to.deep.equal([
      "ann SUBSCRIBE /elsewhere: 4 anyMessage() denyAll()",
      "ann SEND /user/rod/queue/a: 4 anyMessage() denyAll()",
      'rod SUBSCRIBE /topic/kitchen: 2 simpSubscribeDestMatchers("/topic/kitchen") hasRole("COOK")',
      'rod SUBSCRIBE /topic/*: 2 simpSubscribeDestMatchers("/topic/kitchen") hasRole("COOK")',
    ]);
    expect(found).to.include('rod SEND /app/orders/1: @Authorize(hasRole("COOK"))');
  });

  it("names all rules that were asked, who serves the destination, and the reason that an access(…) gave", async () => {
    stage = await InspectorStage.open();
    const cook = { name: "ann", roles: ["COOK"] };
    const wide = await inspection().explain(cook, "SUBSCRIBE", "/topic/*");
    expect(wide.granted).to.equal(true);
    expect(wide.asked.map(({ rule, granted }) => `${rule.trim().split(" ")[0]} ${granted}`)).to.deep.equal([
      "2 true",
      "3 true",
    ]);
    expect(wide).to.include({ servedBy: "broker", method: undefined, reason: undefined });
    const order = await inspection().explain(cook, "SEND", "/app/orders/1");
    expect(order).to.include({ granted: true, servedBy: "controllers", method: "OrderController.order" });
    expect(await inspection().explain(cook, "SUBSCRIBE", "/user/queue/a")).to.include({ servedBy: "users" });
    expect(await inspection().explain(cook, "SUBSCRIBE", "/elsewhere")).to.include({ servedBy: undefined });
    expect(stage.server.log.filter((line) => line.includes("denied"))).to.deep.equal([]);
  });

  it("without rules says so", async () => {
    stage = await InspectorStage.open({}, { withoutRules: true });
    const said = await inspection().explain(undefined, "SUBSCRIBE", "/topic/a");
    expect(said).to.include({ granted: true, rule: "there are no rules: everybody may" });
    const denied = await inspection().explain(undefined, "SEND", "/user/rod/queue/a");
    expect(denied).to.include({
      granted: false,
      rule: "clients may not send to users, unless clientsMaySendToUsers says so",
    });
  });

  const seen = ({ from, command, destination, user }: TappedFrame) =>
    [from, command, destination, user].filter((each) => each !== undefined).join(" ");

  it("shows all frames of a session while a tap lasts, with credentials masked", async () => {
    stage = await InspectorStage.open();
    const [rod, ann] = [await stage.connect("rod"), await stage.connect("ann")];
    const frames: TappedFrame[] = [];
    const end = inspection().tap({ sessionId: rod.sessionId }, (frame) => frames.push(frame));
    rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await rod.synchronize();
    ann.send(
      "SEND\ndestination:/topic/a\nAuthorization:Bearer x\nx-api-key:y\nset-cookie:z\nmood:good\n\nhello^@",
    );
    await ann.synchronize();
    await rod.synchronize();
    end();
    end();
    await rod.synchronize();

    expect(frames.map(seen)).to.deep.equal([
      "client SUBSCRIBE /topic/a rod",
      "client UNSUBSCRIBE rod",
      "server RECEIPT rod",
      "server MESSAGE /topic/a rod",
      "client UNSUBSCRIBE rod",
      "server RECEIPT rod",
    ]);
    const message = frames[3]!;
    expect(Buffer.from(message.body).toString()).to.equal("hello");
    expect(Object.fromEntries(message.headers)).to.include({
      subscription: "1",
      Authorization: "PROTECTED",
      "x-api-key": "PROTECTED",
      "set-cookie": "PROTECTED",
      mood: "good",
    });
  });

  it("shows what goes to a destination, a pattern included: by clients, by the application, and once for all who get it", async () => {
    stage = await InspectorStage.open();
    const clients = [await stage.connect("rod"), await stage.connect("ann"), await stage.connect()];
    for (const client of clients) client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    for (const client of clients) await client.synchronize();
    const frames: TappedFrame[] = [];
    const others: TappedFrame[] = [];
    const ends = [
      inspection().tap({ destination: "/topic/*" }, (frame) => frames.push(frame)),
      inspection().tap({ destination: "/topic/b" }, (frame) => others.push(frame)),
    ];
    clients[0]!.send("SEND\ndestination:/topic/a\n\nhello^@");
    await clients[0]!.synchronize();
    await stage.server.messaging.template.convertAndSend("/topic/a", "again");
    await stage.server.messaging.template.convertAndSend("/topic/b", "nobody hears it");
    for (const end of ends) end();
    await stage.server.messaging.template.convertAndSend("/topic/a", "nobody looks");

    expect(frames.map(seen)).to.deep.equal([
      "client SEND /topic/a rod",
      "server MESSAGE /topic/a",
      "application SEND /topic/a",
      "server MESSAGE /topic/a",
      "application SEND /topic/b",
    ]);
    expect(others.map(seen)).to.deep.equal(["application SEND /topic/b"]);
  });

  it("bears a listener that throws, and says what a tap takes", async () => {
    stage = await InspectorStage.open();
    const end = inspection().tap({ destination: "/topic/a" }, () => {
      throw new Error("the tool is broken");
    });
    await stage.server.messaging.template.convertAndSend("/topic/a", "x");
    end();
    expect(stage.server.log.join("\n")).to.include("A tap failed").and.include("the tool is broken");
    expect(() => inspection().tap({} as never, () => {})).to.throw('tap takes { sessionId: "…" }');
    expect(() => inspection().tap({ destination: "/topic/{" }, () => {})).to.throw();
  });
});

describe("messaging.inspection with a broker elsewhere", () => {
  it("tells of subscriptions over own and shared connections, and of those that are private", async () => {
    for (const open of [() => RelayStage.open(), async () => (await openShared({})).stage]) {
      const stage = await open();
      await stage.available();
      const client = await stage.session();
      client.send("SUBSCRIBE", { id: "1", destination: "/topic/a", ack: "auto" });
      client.send("SUBSCRIBE", { id: "2", destination: "/user/queue/b" });
      const { inspection } = stage.server.messaging;
      while ([...inspection.subscriptions()].length < 2)
        await new Promise((resolve) => setImmediate(resolve));
      const told = [...inspection.subscriptions()].map(({ id, destination, isPrivate }) => ({
        id,
        destination,
        isPrivate,
      }));
      expect(told).to.deep.equal([
        { id: "1", destination: "/topic/a", isPrivate: false },
        { id: "2", destination: "/user/queue/b", isPrivate: true },
      ]);
      expect([...inspection.queues(), ...inspection.kept()]).to.deep.equal([]);
      client.send("UNSUBSCRIBE", { id: "1" });
      while ([...inspection.subscriptions()].length > 1)
        await new Promise((resolve) => setImmediate(resolve));
      await stage.close();
    }
  });
});

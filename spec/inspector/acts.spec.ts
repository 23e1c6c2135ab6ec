import { expect } from "chai";
import { subscribe } from "../support/users.js";
import { InspectorStage } from "./stage.js";

describe("The inspector's acts", () => {
  let stage: InspectorStage;

  beforeEach(async () => {
    stage = await InspectorStage.open();
  });

  afterEach(() => stage.close());

  it("disconnect a session, or all of a user, with a reason that the client reads and the log has", async () => {
    const [first, second, third] = [
      await stage.connect("rod"),
      await stage.connect("rod"),
      await stage.connect(),
    ];
    const one = await stage.act("disconnect", { sessionId: third.sessionId, reason: "You flood us" });
    expect(one.body).to.deep.equal({ done: 1 });
    expect(await third.frame()).to.include("message:You flood us");
    const both = await stage.act("disconnect", { user: "rod", reason: "Come back tomorrow" });
    expect(both.body).to.deep.equal({ done: 2 });
    for (const client of [first, second]) expect(await client.frame()).to.include("Come back tomorrow");
    expect((await stage.act("disconnect", { user: "rod", reason: "again" })).body).to.deep.equal({ done: 0 });

    expect(stage.acts.slice(0, 2)).to.deep.equal([
      {
        action: "disconnect",
        by: "sue",
        target: { sessionId: third.sessionId },
        reason: "You flood us",
        outcome: "done",
      },
      {
        action: "disconnect",
        by: "sue",
        target: { user: "rod" },
        reason: "Come back tomorrow",
        outcome: "done",
      },
    ]);
    expect(stage.server.log.join("\n")).to.include("sue disconnect user rod, done: Come back tomorrow");
  });

  it("end a subscription, whose client is told why", async () => {
    const rod = await stage.connect("rod");
    subscribe(rod, "a:1", "/topic/a");
    await rod.synchronize();
    const body = { sessionId: rod.sessionId, id: "a:1", reason: "The topic has ended" };
    expect((await stage.act("unsubscribe", body)).body).to.deep.equal({ done: 1 });
    expect(await rod.frame()).to.include("unsubscribed:The topic has ended");
    const again = await stage.act("unsubscribe", body);
    expect(again.status).to.equal(409);
    expect(again.body.error).to.include("No user's session here has such a subscription");
    expect(stage.acts.map(({ outcome }) => outcome)).to.deep.equal(["done", "failed"]);
    expect(stage.acts[0]!.target).to.deep.equal({ sessionId: rod.sessionId, subscription: "a:1" });
  });

  it("send as the application does, to a user too, and tell when nobody serves the destination", async () => {
    const rod = await stage.connect("rod");
    subscribe(rod, "1", "/topic/a");
    subscribe(rod, "2", "/user/queue/a");
    await rod.synchronize();
    const contentType = "application/json";
    const sent = await stage.act("send", {
      destination: "/topic/a",
      body: '{"a":1}',
      contentType,
      reason: "news",
    });
    expect(sent.body).to.deep.equal({ done: 1 });
    expect(await rod.frame())
      .to.include("content-type:application/json")
      .and.include('{"a":1}');
    await stage.act("send", { destination: "/user/rod/queue/a", body: "só", reason: "news" });
    expect(await rod.frame())
      .to.include("content-type:text/plain;charset=utf-8")
      .and.include("só");

    const lost = await stage.act("send", { destination: "/app/orders", body: "x", reason: "news" });
    expect(lost.status).to.equal(409);
    expect(lost.body.error).to.include("Nothing here serves /app/orders");
    expect(stage.acts.map(({ outcome, target }) => `${outcome} ${target.destination}`)).to.deep.equal([
      "done /topic/a",
      "done /user/rod/queue/a",
      "failed /app/orders",
    ]);
  });

  it("are refused to those who may not, and that is in the log", async () => {
    const rod = await stage.connect("rod");
    for (const [name, body] of [
      ["disconnect", { user: "rod", reason: "x" }],
      ["unsubscribe", { sessionId: rod.sessionId, id: "1", reason: "x" }],
      ["send", { destination: "/topic/a", body: "secret", reason: "x" }],
    ] as const) {
      const { status, body: answer } = await stage.act(name, body, "max:look");
      expect([status, answer.error]).to.deep.equal([
        403,
        `You may not ${name}: the application's allow says so.`,
      ]);
    }
    expect(stage.acts).to.deep.equal([
      { action: "disconnect", by: "max", target: { user: "rod" }, reason: undefined, outcome: "refused" },
      {
        action: "unsubscribe",
        by: "max",
        target: { sessionId: rod.sessionId, id: "1" },
        reason: undefined,
        outcome: "refused",
      },
      {
        action: "send",
        by: "max",
        target: { destination: "/topic/a" },
        reason: undefined,
        outcome: "refused",
      },
    ]);
    expect(await rod.synchronize()).to.deep.equal([]);
    expect(stage.server.log.join("\n")).to.not.include("secret");
  });

  it("say what is missing, and do nothing", async () => {
    const reason = "x";
    for (const [name, body, status, sentence] of [
      ["disconnect", { reason }, 400, "disconnect takes a user or a sessionId."],
      ["disconnect", { user: "a", sessionId: "b", reason }, 400, "disconnect takes a user or a sessionId."],
      ["disconnect", { user: "" }, 400, "user is missing: it is a text."],
      ["disconnect", { user: "rod" }, 400, "reason is missing: it is a text."],
      ["disconnect", { user: "rod", reason: "a\nb" }, 400, "reason is one line of 1 to 200 characters"],
      [
        "disconnect",
        { user: "rod", reason: "a".repeat(201) },
        400,
        "reason is one line of 1 to 200 characters",
      ],
      ["unsubscribe", { reason }, 400, "sessionId is missing: it is a text."],
      ["send", { reason }, 400, "destination is missing: it is a text."],
      ["send", { destination: "/topic/a", body: {}, reason }, 400, "body must be a text."],
      ["send", { destination: "/topic/a", contentType: "a\nb", reason }, 400, "contentType must be a text"],
      ["send", "[]", 400, "The body must be an object."],
      ["send", "{", 400, "The body is no JSON, or too long."],
      ["send", "x".repeat(300_000), 413, "The body is no JSON, or too long."],
    ] as const) {
      const answer = await stage.act(name, body);
      expect(answer.status, sentence).to.equal(status);
      expect(answer.body.error).to.include(sentence);
    }
    expect(stage.acts).to.deep.equal([]);
  });

  it("take JSON only, which no form of another site can send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const answer = await stage.act("disconnect", '{"user":"rod","reason":"x"}', undefined, {
        "content-type": type,
      });
      expect([answer.status, answer.body.error]).to.deep.equal([
        415,
        "The content-type must be application/json.",
      ]);
    }
  });
});

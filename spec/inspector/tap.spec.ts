import { expect } from "chai";
import type { FrameRow } from "express-stomp/inspector";
import { type HttpStream, stream } from "../support/sockjs-http.js";
import { InspectorStage } from "./stage.js";

describe("The inspector's tap", () => {
  let stage: InspectorStage;
  const streams: HttpStream[] = [];

  afterEach(async () => {
    for (const each of streams.splice(0)) each.cut();
    await stage.close();
  });

  async function open(query: string, staff = "sue:look,payloads"): Promise<HttpStream> {
    const opened = await stream(stage.server.port, `/admin/stomp/api/tap?${query}`, {
      headers: { "x-staff": staff },
    });
    streams.push(opened);
    expect(await next(opened, "begin")).to.have.property("duration");
    return opened;
  }

  async function next(from: HttpStream, event = "frame"): Promise<FrameRow & Record<string, unknown>> {
    expect(await from.line()).to.equal(`event: ${event}`);
    return JSON.parse((await from.line()).replace("data: ", ""));
  }

  it("shows frames as they pass, with credentials and the headers of the option masked", async () => {
    stage = await InspectorStage.open({ maskedHeaders: ["X-Seat"] });
    const rod = await stage.connect("rod");
    const tap = await open(`session=${rod.sessionId}`);
    expect(tap.res.headers).to.include({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    rod.send("SEND\ndestination:/topic/a\nx-seat:12\npasscode:p\nmood:good\n\nhé^@");
    const frame = await next(tap);
    expect(frame).to.include({
      from: "client",
      command: "SEND",
      session: rod.sessionId,
      user: "rod",
      destination: "/topic/a",
      bytes: 3,
      body: "hé",
      isCut: false,
    });
    expect(frame.headers).to.deep.equal([
      ["destination", "/topic/a"],
      ["x-seat", "PROTECTED"],
      ["passcode", "PROTECTED"],
      ["mood", "good"],
    ]);
    expect(stage.acts).to.deep.equal([
      { action: "tap", by: "sue", target: { sessionId: rod.sessionId }, reason: undefined, outcome: "done" },
    ]);
  });

  it("shows no body to those who may not read it, nor one that is no text, and cuts long ones at a character's end", async () => {
    stage = await InspectorStage.open({ taps: { bodyLimit: 4 } });
    const { template } = stage.server.messaging;
    const without = await open("destination=/topic/a", "max:look");
    const tap = await open("destination=/topic/a");
    await template.convertAndSend("/topic/a", "aaaé");
    await template.convertAndSend("/topic/a", new Uint8Array([0xff, 0xfe]));
    await template.convertAndSend("/topic/a", "aaaa");
    expect(await next(tap)).to.include({ body: "aaa", isCut: true, bytes: 5 });
    const binary = await next(tap);
    expect(binary).to.include({ isCut: false, bytes: 2 });
    expect(binary).to.not.have.property("body");
    expect(await next(tap)).to.include({ body: "aaaa", isCut: false });
    for (const bytes of [5, 2, 4]) {
      const frame = await next(without);
      expect(frame).to.include({ bytes, isCut: false });
      expect(frame).to.not.have.property("body");
    }
  });

  it("says how many frames it left out, when more pass than are shown", async () => {
    stage = await InspectorStage.open({ taps: { framesPerSecond: 2 } });
    const tap = await open("destination=/topic/a");
    const { template } = stage.server.messaging;
    for (let i = 0; i < 10; i++) await template.convertAndSend("/topic/a", String(i));
    expect([(await next(tap)).body, (await next(tap)).body]).to.deep.equal(["0", "1"]);
    expect(await next(tap, "left-out")).to.deep.equal({ frames: 8 });
    await template.convertAndSend("/topic/a", "later");
    expect((await next(tap)).body).to.equal("later");
  });

  it("is bounded in number for all together, and frees its place when it is left", async () => {
    stage = await InspectorStage.open({ taps: { limit: 2 } });
    const first = await open("destination=/topic/a");
    await open("destination=/topic/b", "max:look");
    const third = await stage.ask("api/tap?destination=/topic/c");
    expect([third.status, third.body.error]).to.deep.equal([
      429,
      "2 taps are open already: end one of them first.",
    ]);
    first.cut();
    for (;;) {
      const again = await fetch(`${stage.origin}/admin/stomp/api/tap?destination=/topic/c`, {
        headers: { "x-staff": "sue:look" },
      });
      await again.body!.cancel();
      if (again.status === 200) break;
    }
  });

  it("takes no place for a visitor who has left before the application has let them in", async () => {
    let letIn = () => {};
    const gone = new Promise<void>((resolve) => {
      letIn = resolve;
    });
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    stage = await InspectorStage.open({
      taps: { limit: 1, duration: 50 },
      async allow(req) {
        if (req.get("x-slow") !== undefined) {
          req.res?.once("close", letIn);
          asked();
          await gone;
        }
        return ["look"];
      },
    });
    const leaving = new AbortController();
    const left = fetch(`${stage.origin}/admin/stomp/api/tap?destination=/topic/a`, {
      headers: { "x-staff": "max", "x-slow": "yes" },
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    await isAsked;
    leaving.abort();
    expect(await left).to.equal("AbortError");
    await gone;
    const { status } = await stage.ask("api/tap?destination=/topic/a", "sue");
    expect(status).to.equal(200);
    expect(stage.acts.map(({ by }) => by)).to.deep.equal(["sue"]);
  });

  it("ends by itself when its time is over, and when the messaging closes", async () => {
    stage = await InspectorStage.open({ taps: { duration: 50 } });
    const short = await open("destination=/topic/a");
    expect(await next(short, "end")).to.deep.equal({ reason: "time" });
    await short.ended();
    await stage.close();

    stage = await InspectorStage.open();
    const tap = await open("destination=/topic/a");
    await stage.server.messaging.close();
    expect(await next(tap, "end")).to.deep.equal({ reason: "closing" });
    await tap.ended();
  });

  it("says what it takes", async () => {
    stage = await InspectorStage.open();
    for (const [query, sentence] of [
      ["", "A tap takes a session or a destination"],
      ["session=a&destination=b", "A tap takes a session or a destination"],
      [`destination=${encodeURIComponent("/topic/{")}`, "The braces of a pattern must be balanced"],
    ] as const) {
      const answer = await stage.ask(`api/tap?${query}`);
      expect(answer.status).to.equal(400);
      expect(answer.body.error).to.include(sentence);
    }
    expect(stage.acts).to.deep.equal([]);
  });

  it("leaves sessions and the application alone: nothing of it is left when it has ended", async () => {
    stage = await InspectorStage.open();
    const rod = await stage.connect("rod");
    const { brokerChannel, template } = stage.server.messaging;
    const tap = await open("destination=/topic/**");
    await template.convertAndSend("/topic/a", "x");
    await next(tap);
    tap.cut();
    const watchers: unknown[] = [];
    Object.assign(brokerChannel, { watchBy: (watcher: unknown) => watchers.push(watcher) });
    while (watchers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(watchers).to.deep.equal([undefined]);
    expect(await rod.synchronize()).to.deep.equal([]);
  });
});

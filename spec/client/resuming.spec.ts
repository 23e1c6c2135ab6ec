import { expect } from "chai";
import { resuming } from "express-stomp/client";
import { ResumingStage } from "../support/resuming-stage.js";

describe("resuming(client)", () => {
  const stage = new ResumingStage();
  const { take, subscribe, subscribed } = stage;

  beforeEach(() => stage.open());
  afterEach(() => stage.close());

  it("asks for what is sent from now on, then for what came behind the last message", async () => {
    stage.client.activate();
    subscribe();
    const first = await subscribed(true, "e-7");
    expect(first.asked).to.equal("now");
    first.send({ "message-id": "e-8" }, "8");
    first.send({ "message-id": "e-9" }, "9");
    await stage.log.until(2);
    first.line.cut();

    const second = await subscribed(true);
    expect(second.asked).to.equal("e-9");
    second.send({ "message-id": "e-10", replayed: "true" }, "10");
    expect(await stage.log.until(3)).to.deep.equal(["8", "9", "10"]);
  });

  for (const [since, recovered] of [
    ["now", true],
    ["now", false],
    ["first", true],
    ["e-1", false],
  ] as const) {
    it(`asks behind the position that it was told (${since}, ${recovered}), when nothing has come yet`, async () => {
      stage.client.activate();
      subscribe({ since });
      (await subscribed(recovered, "e-7")).line.cut();

      const { asked, send } = await subscribed(true);
      expect(asked).to.equal("e-7");
      send({ "message-id": "e-8" }, "8");
      await stage.log.until(since === "now" || recovered ? 1 : 2);
      expect(stage.log.at(-1)).to.equal("8");
    });
  }

  it("asks again for the same when the line broke before the replay, and behind what has come of it", async () => {
    stage.client.activate();
    subscribe({ since: "e-1" });
    (await subscribed(true, "e-1", 3)).line.cut();
    const second = await subscribed(true, "e-1", 3);
    expect(second.asked).to.equal("e-1");
    second.send({ "message-id": "e-2", replayed: "true" }, "2");
    await stage.log.until(1);
    second.line.cut();
    expect((await subscribed(true, "e-2", 2)).asked).to.equal("e-2");
    expect(stage.log).to.deep.equal(["2"]);
  });

  it("drops what it has taken already", async () => {
    stage.client.activate();
    subscribe({ since: "first" });
    const { asked, send } = await subscribed(true, "e-0");
    expect(asked).to.equal("first");
    for (const n of [1, 2, 1, 2, 3]) send({ "message-id": `e-${n}` }, `${n}`);
    expect(await stage.log.until(3)).to.deep.equal(["1", "2", "3"]);
  });

  it("calls onReload once when the server has not kept what is missing, and goes on behind what it is told", async () => {
    stage.client.activate();
    subscribe();
    const first = await subscribed(true, "e-1");
    first.send({ "message-id": "e-2" }, "2");
    await stage.log.until(1);
    first.line.cut();
    const second = await subscribed(false, "f-5");
    second.send({ "message-id": "f-6" }, "6");
    expect(await stage.log.until(3)).to.deep.equal(["2", "reload", "6"]);
    second.line.cut();

    expect((await subscribed(true)).asked).to.equal("f-6");
    expect(stage.log).to.have.length(3);
  });

  it("calls onReload for each later word of the server that something was lost", async () => {
    stage.client.activate();
    subscribe();
    const { send } = await subscribed(true, "e-1");
    send({ recovered: "false", replayed: 0, "message-id": "e-400" });
    send({ recovered: "false", replayed: 0, "message-id": "e-800" });
    expect(await stage.log.until(2)).to.deep.equal(["reload", "reload"]);
  });

  it("calls onReload when a connection was too short to be told anything", async () => {
    stage.client.activate();
    subscribe();
    (await subscribed()).line.cut();
    const { asked, send } = await subscribed(true, "e-1");
    expect(asked).to.equal("now");
    send({ "message-id": "e-2" }, "2");
    expect(await stage.log.until(2)).to.deep.equal(["reload", "2"]);
  });

  describe("with a server that knows no positions", () => {
    for (const [gives, confirms] of [
      ["receipts", true],
      ["messages but no receipts", false],
    ] as const) {
      it(`that gives ${gives} calls onReload once after each reconnect, and never at first`, async () => {
        stage.client.activate();
        subscribe();
        for (const times of [0, 1, 2]) {
          const { line, subscribe: frame, send } = await subscribed();
          if (confirms) line.confirm(frame);
          // Ids that begin anew with each connection are no repeats.
          send({ "message-id": "1" }, `message ${times}`);
          await stage.log.until(2 * times + 1);
          line.cut();
        }
        expect(stage.log.filter((each) => each === "reload")).to.have.length(2);
        expect(stage.log.filter((each) => each.startsWith("message"))).to.have.length(3);
      });
    }

    it("that says nothing at all calls onReload a second after a reconnect", async () => {
      stage.client.activate();
      subscribe();
      (await subscribed()).line.cut();
      await subscribed();
      expect(await stage.log.until(1)).to.deep.equal(["reload"]);
    });
  });

  describe("leaves onConnect to the application", () => {
    it("that has set it before", async () => {
      stage.client.onConnect = () => stage.log.note("connected");
      subscribe();
      stage.client.activate();
      await subscribed(true, "e-1");
      expect(await stage.log.until(1)).to.deep.equal(["connected"]);
    });

    it("that sets it afterwards, several times", async () => {
      stage.client.onConnect = () => stage.log.note("replaced");
      subscribe();
      stage.client.onConnect = () => stage.log.note("replaced, too");
      stage.client.configure({ onConnect: () => stage.log.note("connected") });
      stage.client.activate();
      (await subscribed(true, "e-1")).line.cut();
      await subscribed(true, "e-1");
      expect(await stage.log.until(2)).to.deep.equal(["connected", "connected"]);
    });

    it("that calls what it found there", async () => {
      stage.client.onConnect = () => stage.log.note("1");
      subscribe();
      for (const n of ["2", "3"]) {
        const { onConnect } = stage.client;
        stage.client.onConnect = (frame) => {
          onConnect.call(stage.client, frame);
          stage.log.note(n);
        };
      }
      stage.client.activate();
      (await subscribed(true, "e-1")).line.cut();
      await subscribed(true, "e-1");
      expect(await stage.log.until(6)).to.deep.equal(["1", "2", "3", "1", "2", "3"]);
    });
  });

  it("is the same for a client that was given to it before, but for another storage", () => {
    const storage = { getItem: () => null, setItem: () => {} };
    const live = resuming(stage.client, { storage });
    expect(resuming(stage.client)).to.equal(live);
    expect(resuming(stage.client, { storage })).to.equal(live);
    expect(() => resuming(stage.client, { storage: { ...storage } })).to.throw("in another storage");
  });

  describe("unsubscribe", () => {
    it("ends it, so that the next one begins anew", async () => {
      stage.client.activate();
      const subscription = subscribe();
      const { line, send } = await subscribed(true, "e-1");
      send({ "message-id": "e-2" }, "2");
      await stage.log.until(1);
      subscription.unsubscribe();
      subscription.unsubscribe();
      await line.until("UNSUBSCRIBE");
      subscribe();
      expect((await line.until("SUBSCRIBE")).headers.get("since")).to.equal("now");
    });

    it("keeps the place for the next one, if it is told to", async () => {
      stage.client.activate();
      const subscription = subscribe();
      const { line, send } = await subscribed(true, "e-1");
      send({ "message-id": "e-2" }, "2");
      await stage.log.until(1);
      subscription.unsubscribe(true);
      await line.until("UNSUBSCRIBE");
      subscribe();
      expect((await line.until("SUBSCRIBE")).headers.get("since")).to.equal("e-2");
    });

    it("while there is no connection is no fault", async () => {
      const subscription = subscribe();
      subscription.unsubscribe();
      resuming(stage.client).subscribe("/topic/b", take);
      stage.client.activate();
      expect((await subscribed()).subscribe.headers.get("destination")).to.equal("/topic/b");
    });
  });

  it("ends what the server has ended, or has refused for good, and makes the others again", async () => {
    stage.client.activate();
    subscribe();
    const { line, send } = await subscribed(true, "e-1");
    send({ unsubscribed: "You have left the room", "message-id": "notice-1" });
    expect(await stage.log.until(1)).to.deep.equal(["end: You have left the room"]);
    for (const destination of ["/topic/b", "/topic/c"])
      resuming(stage.client).subscribe(destination, take, { onEnd: (reason) => stage.log.note(reason) });
    const refused = await line.until("SUBSCRIBE");
    line.send("ERROR", { message: "No", retry: "never", "receipt-id": refused.headers.get("receipt") ?? "" });
    expect((await stage.log.until(2))[1]).to.equal("No");
    line.cut();

    expect((await subscribed()).subscribe.headers.get("destination")).to.equal("/topic/c");
  });
});

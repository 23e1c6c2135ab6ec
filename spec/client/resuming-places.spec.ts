import { type IMessage } from "@stomp/stompjs";
import { expect } from "chai";
import { type PositionStorage, resuming } from "express-stomp/client";
import { ResumingStage } from "../support/resuming-stage.js";
import type { ReadFrame } from "../support/stomp-session.js";
import { type StubLine } from "../support/stomp-stub.js";

describe("resuming(client)", () => {
  const stage = new ResumingStage();
  const { take, onReload, subscribe, subscribed } = stage;

  beforeEach(() => stage.open());
  afterEach(() => stage.close());

  describe("when the application acknowledges", () => {
    async function acks(line: StubLine, count: number): Promise<string[]> {
      const frames: ReadFrame[] = [];
      while (frames.length < count) frames.push(await line.until("ACK"));
      return frames.map(({ headers }) => headers.get("id") ?? "");
    }

    it("acknowledges what it drops", async () => {
      stage.client.activate();
      resuming(stage.client).subscribe("/topic/a", take, {
        headers: { ack: "client-individual" },
        since: "e-0",
      });
      const { line, send } = await subscribed(true);
      for (const [n, ack] of [
        [1, "one"],
        [1, "dropped"],
        [2, "two"],
      ] as const)
        send({ "message-id": `e-${n}`, ack }, `${n}`);
      expect(await stage.log.until(2)).to.deep.equal(["1", "2"]);
      expect(await acks(line, 1)).to.deep.equal(["dropped"]);
    });

    it("waits with an ACK that counts for what the application is still at work on", async () => {
      stage.client.activate();
      const taken: IMessage[] = [];
      const note = (message: IMessage) => {
        taken.push(message);
        take(message);
      };
      resuming(stage.client).subscribe("/topic/a", note, { headers: { ack: "client" }, since: "e-0" });
      const { line, send } = await subscribed(true);
      send({ "message-id": "e-1", ack: "one" }, "1");
      send({ "message-id": "e-1", ack: "dropped" }, "1");
      send({ "message-id": "e-2", ack: "two" }, "2");
      await stage.log.until(2);
      taken[0]?.ack();
      taken[1]?.ack();
      expect(await acks(line, 3)).to.deep.equal(["one", "two", "dropped"]);
    });

    it("takes again what was given back", async () => {
      stage.client.activate();
      subscribe({ headers: { ack: "client-individual" } });
      const { send } = await subscribed(true, "e-0");
      send({ "message-id": "e-1" }, "1");
      send({ "message-id": "e-1", redelivered: "true" }, "1");
      expect(await stage.log.until(2)).to.deep.equal(["1", "1"]);
    });
  });

  describe("on a stream of RabbitMQ", () => {
    const stream = () => resuming(stage.client).subscribe("/amq/queue/news", take, { onReload });

    it("goes on behind the last offset, and acknowledges what was taken", async () => {
      stage.client.activate();
      stream();
      const first = await subscribed();
      expect(first.asked).to.equal("next");
      expect(first.subscribe.headers.get("ack")).to.equal("client");
      expect(first.subscribe.headers.get("prefetch-count")).to.equal("100");
      first.send({ "x-stream-offset": 7, "message-id": "T_1" }, "7");
      expect((await first.line.until("ACK")).headers.get("id")).to.equal("a1");
      first.line.cut();

      const second = await subscribed();
      expect(second.asked).to.equal("offset=8");
      // It begins with the whole chunk, perhaps.
      second.send({ "x-stream-offset": 7, "message-id": "T_1" }, "7");
      second.send({ "x-stream-offset": 8, "message-id": "T_2" }, "8");
      expect(await stage.log.until(2)).to.deep.equal(["7", "8"]);
      for (const ack of ["a1", "a2"])
        expect((await second.line.until("ACK")).headers.get("id")).to.equal(ack);
    });

    it("calls onReload when what came behind has been trimmed", async () => {
      stage.client.activate();
      stream();
      const first = await subscribed();
      first.send({ "x-stream-offset": 7 }, "7");
      await stage.log.until(1);
      first.line.cut();
      (await subscribed()).send({ "x-stream-offset": 100 }, "100");
      expect(await stage.log.until(3)).to.deep.equal(["7", "reload", "100"]);
    });

    it("calls onReload when no offset was known before the line broke", async () => {
      stage.client.activate();
      stream();
      (await subscribed()).line.cut();
      const { line, subscribe: frame } = await subscribed();
      line.confirm(frame);
      expect(await stage.log.until(1)).to.deep.equal(["reload"]);
    });

    it("leaves acknowledging to the application, if its headers say how", async () => {
      stage.client.activate();
      resuming(stage.client).subscribe("/queue/news", take, {
        stream: true,
        headers: { ack: "client-individual", "prefetch-count": "5" },
      });
      const { line, subscribe: frame, send } = await subscribed();
      expect(frame.headers.get("prefetch-count")).to.equal("5");
      send({ "x-stream-offset": 7 }, "7");
      await stage.log.until(1);
      stage.client.publish({ destination: "/queue/b" });
      await line.until("SEND");
    });
  });

  it("tells a place to clients that subscribe again by themselves", async () => {
    const { headers, accept } = resuming(stage.client).place("/topic/a", { onReload });
    stage.client.onConnect = () => {
      stage.client.subscribe("/topic/a", (message) => void (accept(message) && take(message)), headers());
    };
    stage.client.activate();
    const first = await subscribed(true, "e-1");
    first.send({ "message-id": "e-2" }, "2");
    await stage.log.until(1);
    first.line.cut();
    const second = await subscribed(false, "f-1");
    expect(second.asked).to.equal("e-2");
    expect(await stage.log.until(2)).to.deep.equal(["2", "reload"]);
  });

  describe("positions in a storage", () => {
    function storageWith(text: string | null): PositionStorage {
      return {
        getItem: (key) => (key === "express-stomp" ? text : null),
        setItem: () => {
          throw new DOMException("full", "QuotaExceededError");
        },
      };
    }

    async function asked(storage: PositionStorage) {
      resuming(stage.client, { storage }).subscribe("/topic/a", take);
      stage.client.activate();
      return (await subscribed()).asked;
    }

    it("are where the page before stood", async () => {
      expect(await asked(storageWith('[["/topic/a","e-7"]]'))).to.equal("e-7");
    });

    for (const text of [null, "", "{", "7", '{"a":1}', '[["/topic/a",7]]', '[["/topic/a"]]', "[null]"]) {
      it(`are none where it holds ${text}`, async () => {
        expect(await asked(storageWith(text))).to.equal("now");
      });
    }

    it("are none where it may not be read", async () => {
      const storage = {
        ...storageWith(null),
        getItem: () => {
          throw new DOMException("denied", "SecurityError");
        },
      };
      expect(await asked(storage)).to.equal("now");
    });
  });
});

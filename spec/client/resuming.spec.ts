import { Client, type IMessage } from "@stomp/stompjs";
import { expect } from "chai";
import { type PlaceOptions, type PositionStorage, resuming } from "express-stomp/client";
import WebSocket from "ws";
import type { ReadFrame } from "../support/stomp-session.js";
import { StompStub, type StubLine } from "../support/stomp-stub.js";

/** Settles when as many are there, or more. */
class Log extends Array<string> {
  #waiting: (() => void)[] = [];

  note(text: string): void {
    this.push(text);
    for (const look of this.#waiting) look();
  }

  async until(count: number): Promise<readonly string[]> {
    while (this.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return [...this];
  }
}

describe("resuming(client)", () => {
  let stub: StompStub;
  let client: Client;
  let log: Log;

  beforeEach(async () => {
    stub = await StompStub.open();
    client = new Client({
      webSocketFactory: () => new WebSocket(stub.url, ["v12.stomp"]),
      reconnectDelay: 1,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    });
    log = new Log();
  });

  afterEach(async () => {
    stub.close();
    await client.deactivate({ force: true });
  });

  const take = ({ body }: IMessage) => log.note(body);
  const onReload = () => log.note("reload");

  function subscribe(options: PlaceOptions = {}) {
    return resuming(client).subscribe("/topic/a", take, {
      onReload,
      onEnd: (reason) => log.note(`end: ${reason}`),
      ...options,
    });
  }

  /** What the next line is asked for; with the answer of a server that has history, if it has. */
  async function subscribed(recovered?: boolean, position?: string, replayed = 0) {
    const line = await stub.line();
    const subscribe = await line.until("SUBSCRIBE");
    const id = subscribe.headers.get("id") ?? "";
    const asked = subscribe.headers.get("since") ?? subscribe.headers.get("x-stream-offset");
    let message = 0;
    function send(headers: Record<string, string | number>, body = "") {
      line.send(
        "MESSAGE",
        { destination: "/topic/a", subscription: id, ack: `a${++message}`, ...headers },
        body,
      );
    }
    if (recovered !== undefined) {
      send({ recovered: `${recovered}`, replayed, "message-id": position ?? asked ?? "" });
      line.confirm(subscribe);
    }
    return { line, asked, subscribe, send };
  }

  it("asks for what is sent from now on, then for what came behind the last message", async () => {
    client.activate();
    subscribe();
    const first = await subscribed(true, "e-7");
    expect(first.asked).to.equal("now");
    first.send({ "message-id": "e-8" }, "8");
    first.send({ "message-id": "e-9" }, "9");
    await log.until(2);
    first.line.cut();

    const second = await subscribed(true);
    expect(second.asked).to.equal("e-9");
    second.send({ "message-id": "e-10", replayed: "true" }, "10");
    expect(await log.until(3)).to.deep.equal(["8", "9", "10"]);
  });

  for (const [since, recovered] of [
    ["now", true],
    ["now", false],
    ["first", true],
    ["e-1", false],
  ] as const) {
    it(`asks behind the position that it was told (${since}, ${recovered}), when nothing has come yet`, async () => {
      client.activate();
      subscribe({ since });
      (await subscribed(recovered, "e-7")).line.cut();

      const { asked, send } = await subscribed(true);
      expect(asked).to.equal("e-7");
      send({ "message-id": "e-8" }, "8");
      await log.until(since === "now" || recovered ? 1 : 2);
      expect(log.at(-1)).to.equal("8");
    });
  }

  it("asks again for the same when the line broke before the replay, and behind what has come of it", async () => {
    client.activate();
    subscribe({ since: "e-1" });
    (await subscribed(true, "e-1", 3)).line.cut();
    const second = await subscribed(true, "e-1", 3);
    expect(second.asked).to.equal("e-1");
    second.send({ "message-id": "e-2", replayed: "true" }, "2");
    await log.until(1);
    second.line.cut();
    expect((await subscribed(true, "e-2", 2)).asked).to.equal("e-2");
    expect(log).to.deep.equal(["2"]);
  });

  it("drops what it has taken already", async () => {
    client.activate();
    subscribe({ since: "first" });
    const { asked, send } = await subscribed(true, "e-0");
    expect(asked).to.equal("first");
    for (const n of [1, 2, 1, 2, 3]) send({ "message-id": `e-${n}` }, `${n}`);
    expect(await log.until(3)).to.deep.equal(["1", "2", "3"]);
  });

  it("calls onReload once when the server has not kept what is missing, and goes on behind what it is told", async () => {
    client.activate();
    subscribe();
    const first = await subscribed(true, "e-1");
    first.send({ "message-id": "e-2" }, "2");
    await log.until(1);
    first.line.cut();
    const second = await subscribed(false, "f-5");
    second.send({ "message-id": "f-6" }, "6");
    expect(await log.until(3)).to.deep.equal(["2", "reload", "6"]);
    second.line.cut();

    expect((await subscribed(true)).asked).to.equal("f-6");
    expect(log).to.have.length(3);
  });

  it("calls onReload for each later word of the server that something was lost", async () => {
    client.activate();
    subscribe();
    const { send } = await subscribed(true, "e-1");
    send({ recovered: "false", replayed: 0, "message-id": "e-400" });
    send({ recovered: "false", replayed: 0, "message-id": "e-800" });
    expect(await log.until(2)).to.deep.equal(["reload", "reload"]);
  });

  it("calls onReload when a connection was too short to be told anything", async () => {
    client.activate();
    subscribe();
    (await subscribed()).line.cut();
    const { asked, send } = await subscribed(true, "e-1");
    expect(asked).to.equal("now");
    send({ "message-id": "e-2" }, "2");
    expect(await log.until(2)).to.deep.equal(["reload", "2"]);
  });

  describe("with a server that knows no positions", () => {
    for (const [gives, confirms] of [
      ["receipts", true],
      ["messages but no receipts", false],
    ] as const) {
      it(`that gives ${gives} calls onReload once after each reconnect, and never at first`, async () => {
        client.activate();
        subscribe();
        for (const times of [0, 1, 2]) {
          const { line, subscribe: frame, send } = await subscribed();
          if (confirms) line.confirm(frame);
          // Ids that begin anew with each connection are no repeats.
          send({ "message-id": "1" }, `message ${times}`);
          await log.until(2 * times + 1);
          line.cut();
        }
        expect(log.filter((each) => each === "reload")).to.have.length(2);
        expect(log.filter((each) => each.startsWith("message"))).to.have.length(3);
      });
    }

    it("that says nothing at all calls onReload a second after a reconnect", async () => {
      client.activate();
      subscribe();
      (await subscribed()).line.cut();
      await subscribed();
      expect(await log.until(1)).to.deep.equal(["reload"]);
    });
  });

  describe("leaves onConnect to the application", () => {
    it("that has set it before", async () => {
      client.onConnect = () => log.note("connected");
      subscribe();
      client.activate();
      await subscribed(true, "e-1");
      expect(await log.until(1)).to.deep.equal(["connected"]);
    });

    it("that sets it afterwards, several times", async () => {
      client.onConnect = () => log.note("replaced");
      subscribe();
      client.onConnect = () => log.note("replaced, too");
      client.configure({ onConnect: () => log.note("connected") });
      client.activate();
      (await subscribed(true, "e-1")).line.cut();
      await subscribed(true, "e-1");
      expect(await log.until(2)).to.deep.equal(["connected", "connected"]);
    });

    it("that calls what it found there", async () => {
      client.onConnect = () => log.note("1");
      subscribe();
      for (const n of ["2", "3"]) {
        const { onConnect } = client;
        client.onConnect = (frame) => {
          onConnect.call(client, frame);
          log.note(n);
        };
      }
      client.activate();
      (await subscribed(true, "e-1")).line.cut();
      await subscribed(true, "e-1");
      expect(await log.until(6)).to.deep.equal(["1", "2", "3", "1", "2", "3"]);
    });
  });

  it("is the same for a client that was given to it before, but for another storage", () => {
    const storage = { getItem: () => null, setItem: () => {} };
    const live = resuming(client, { storage });
    expect(resuming(client)).to.equal(live);
    expect(resuming(client, { storage })).to.equal(live);
    expect(() => resuming(client, { storage: { ...storage } })).to.throw("in another storage");
  });

  describe("unsubscribe", () => {
    it("ends it, so that the next one begins anew", async () => {
      client.activate();
      const subscription = subscribe();
      const { line, send } = await subscribed(true, "e-1");
      send({ "message-id": "e-2" }, "2");
      await log.until(1);
      subscription.unsubscribe();
      subscription.unsubscribe();
      await line.until("UNSUBSCRIBE");
      subscribe();
      expect((await line.until("SUBSCRIBE")).headers.get("since")).to.equal("now");
    });

    it("keeps the place for the next one, if it is told to", async () => {
      client.activate();
      const subscription = subscribe();
      const { line, send } = await subscribed(true, "e-1");
      send({ "message-id": "e-2" }, "2");
      await log.until(1);
      subscription.unsubscribe(true);
      await line.until("UNSUBSCRIBE");
      subscribe();
      expect((await line.until("SUBSCRIBE")).headers.get("since")).to.equal("e-2");
    });

    it("while there is no connection is no fault", async () => {
      const subscription = subscribe();
      subscription.unsubscribe();
      resuming(client).subscribe("/topic/b", take);
      client.activate();
      expect((await subscribed()).subscribe.headers.get("destination")).to.equal("/topic/b");
    });
  });

  it("ends what the server has ended, or has refused for good, and makes the others again", async () => {
    client.activate();
    subscribe();
    const { line, send } = await subscribed(true, "e-1");
    send({ unsubscribed: "You have left the room", "message-id": "notice-1" });
    expect(await log.until(1)).to.deep.equal(["end: You have left the room"]);
    for (const destination of ["/topic/b", "/topic/c"])
      resuming(client).subscribe(destination, take, { onEnd: (reason) => log.note(reason) });
    const refused = await line.until("SUBSCRIBE");
    line.send("ERROR", { message: "No", retry: "never", "receipt-id": refused.headers.get("receipt") ?? "" });
    expect((await log.until(2))[1]).to.equal("No");
    line.cut();

    expect((await subscribed()).subscribe.headers.get("destination")).to.equal("/topic/c");
  });

  describe("when the application acknowledges", () => {
    async function acks(line: StubLine, count: number): Promise<string[]> {
      const frames: ReadFrame[] = [];
      while (frames.length < count) frames.push(await line.until("ACK"));
      return frames.map(({ headers }) => headers.get("id") ?? "");
    }

    it("acknowledges what it drops", async () => {
      client.activate();
      resuming(client).subscribe("/topic/a", take, { headers: { ack: "client-individual" }, since: "e-0" });
      const { line, send } = await subscribed(true);
      for (const [n, ack] of [
        [1, "one"],
        [1, "dropped"],
        [2, "two"],
      ] as const)
        send({ "message-id": `e-${n}`, ack }, `${n}`);
      expect(await log.until(2)).to.deep.equal(["1", "2"]);
      expect(await acks(line, 1)).to.deep.equal(["dropped"]);
    });

    it("waits with an ACK that counts for what the application is still at work on", async () => {
      client.activate();
      const taken: IMessage[] = [];
      const note = (message: IMessage) => {
        taken.push(message);
        take(message);
      };
      resuming(client).subscribe("/topic/a", note, { headers: { ack: "client" }, since: "e-0" });
      const { line, send } = await subscribed(true);
      send({ "message-id": "e-1", ack: "one" }, "1");
      send({ "message-id": "e-1", ack: "dropped" }, "1");
      send({ "message-id": "e-2", ack: "two" }, "2");
      await log.until(2);
      taken[0]?.ack();
      taken[1]?.ack();
      expect(await acks(line, 3)).to.deep.equal(["one", "two", "dropped"]);
    });

    it("takes again what was given back", async () => {
      client.activate();
      subscribe({ headers: { ack: "client-individual" } });
      const { send } = await subscribed(true, "e-0");
      send({ "message-id": "e-1" }, "1");
      send({ "message-id": "e-1", redelivered: "true" }, "1");
      expect(await log.until(2)).to.deep.equal(["1", "1"]);
    });
  });

  describe("on a stream of RabbitMQ", () => {
    const stream = () => resuming(client).subscribe("/amq/queue/news", take, { onReload });

    it("goes on behind the last offset, and acknowledges what was taken", async () => {
      client.activate();
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
      expect(await log.until(2)).to.deep.equal(["7", "8"]);
      for (const ack of ["a1", "a2"])
        expect((await second.line.until("ACK")).headers.get("id")).to.equal(ack);
    });

    it("calls onReload when what came behind has been trimmed", async () => {
      client.activate();
      stream();
      const first = await subscribed();
      first.send({ "x-stream-offset": 7 }, "7");
      await log.until(1);
      first.line.cut();
      (await subscribed()).send({ "x-stream-offset": 100 }, "100");
      expect(await log.until(3)).to.deep.equal(["7", "reload", "100"]);
    });

    it("calls onReload when no offset was known before the line broke", async () => {
      client.activate();
      stream();
      (await subscribed()).line.cut();
      const { line, subscribe: frame } = await subscribed();
      line.confirm(frame);
      expect(await log.until(1)).to.deep.equal(["reload"]);
    });

    it("leaves acknowledging to the application, if its headers say how", async () => {
      client.activate();
      resuming(client).subscribe("/queue/news", take, {
        stream: true,
        headers: { ack: "client-individual", "prefetch-count": "5" },
      });
      const { line, subscribe: frame, send } = await subscribed();
      expect(frame.headers.get("prefetch-count")).to.equal("5");
      send({ "x-stream-offset": 7 }, "7");
      await log.until(1);
      client.publish({ destination: "/queue/b" });
      await line.until("SEND");
    });
  });

  it("tells a place to clients that subscribe again by themselves", async () => {
    const { headers, accept } = resuming(client).place("/topic/a", { onReload });
    client.onConnect = () => {
      client.subscribe("/topic/a", (message) => void (accept(message) && take(message)), headers());
    };
    client.activate();
    const first = await subscribed(true, "e-1");
    first.send({ "message-id": "e-2" }, "2");
    await log.until(1);
    first.line.cut();
    const second = await subscribed(false, "f-1");
    expect(second.asked).to.equal("e-2");
    expect(await log.until(2)).to.deep.equal(["2", "reload"]);
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
      resuming(client, { storage }).subscribe("/topic/a", take);
      client.activate();
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

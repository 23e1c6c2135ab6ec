import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import { type Present, watchPresence } from "express-stomp/client";
import WebSocket from "ws";
import { StompStub, type StubLine } from "../support/stomp-stub.js";
import { subscribe, type Users, withUsers } from "../support/users.js";

/** Those who are there, as each call shows them. */
class Shown {
  readonly all: string[] = [];
  #look = () => {};

  readonly show = ({ count, strangers, users }: Present): void => {
    const names = users
      ? [...users.values()].map(({ name, sessions }) => `${name}*${sessions}`).join(" ")
      : "many";
    this.all.push(`${count} ${strangers} ${names}`);
    this.#look();
  };

  async until(count: number): Promise<readonly string[]> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
    return this.all;
  }
}

function clientOf(url: string, user?: string): Client {
  return new Client({
    webSocketFactory: () =>
      new WebSocket(url, ["v12.stomp"], user === undefined ? {} : { headers: { "x-user": user } }),
    reconnectDelay: 1,
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
  });
}

describe("watchPresence(client)", () => {
  let client: Client;
  let shown: Shown;

  beforeEach(() => {
    shown = new Shown();
  });

  afterEach(() => client.deactivate({ force: true }));

  describe("of this server", () => {
    let users: Users;

    afterEach(() => users.close());

    it("shows who is there, after a reconnect too", async () => {
      users = await withUsers({ presence: { destinations: ["/topic/room/*"], gather: 1, goneAfter: 0 } });
      client = clientOf(`ws://127.0.0.1:${users.server.port}/ws`, "ann");
      watchPresence(client, "/topic/room/7", shown.show);
      client.activate();
      expect(await shown.until(1)).to.deep.equal(["0 0 "]);
      const bob = await users.connect("bob");
      subscribe(bob, "1", "/topic/room/7");
      expect(await shown.until(2)).to.deep.equal(["0 0 ", "1 0 bob*1"]);
      users.server.messaging.disconnect({ user: "ann" });
      expect((await shown.until(3)).at(-1)).to.equal("1 0 bob*1");
      bob.cut();
      expect((await shown.until(4)).at(-1)).to.equal("0 0 ");
    });
  });

  describe("of a server that loses something", () => {
    let stub: StompStub;

    beforeEach(async () => {
      stub = await StompStub.open();
      client = clientOf(stub.url);
    });

    afterEach(() => stub.close());

    async function subscribed(line: StubLine) {
      const { headers } = await line.until("SUBSCRIBE");
      line.send("RECEIPT", { "receipt-id": headers.get("receipt") ?? "" });
      return (presence: string, version: number, body: object) =>
        line.send(
          "MESSAGE",
          {
            destination: headers.get("destination") ?? "",
            subscription: headers.get("id") ?? "",
            "message-id": Math.random(),
            presence,
            "presence-version": version,
          },
          JSON.stringify({ strangers: 0, ...body }),
        );
    }

    const user = (name: string, sessions = 1) => ({ name, sessions, since: 0 });

    it("asks for a new state when a version is missing", async () => {
      const watch = watchPresence(client, "/topic/room/7", shown.show, { suffix: "/who" });
      client.activate();
      const line = await stub.line();
      const tell = await subscribed(line);
      tell("diff", 7, { count: 9, joined: [user("nobody")], changed: [], left: [] });
      expect((await line.until("UNSUBSCRIBE")).headers.has("id")).to.equal(true);
      const again = await subscribed(line);
      again("state", 7, { count: 1, users: [user("ann")] });
      again("diff", 8, { count: 2, joined: [user("bob")], changed: [user("ann", 2)], left: [] });
      again("count", 9, { count: 5_000 });
      again("state", 10, { count: 1, users: [user("rod")] });
      again("diff", 12, { count: 0, joined: [], changed: [], left: ["rod"] });
      await line.until("UNSUBSCRIBE");
      const third = await subscribed(line);
      third("state", 12, { count: 0, users: [] });
      expect(await shown.until(5)).to.deep.equal([
        "1 0 ann*1",
        "2 0 ann*2 bob*1",
        "5000 0 many",
        "1 0 rod*1",
        "0 0 ",
      ]);
      watch.unsubscribe();
      await line.until("UNSUBSCRIBE");
    });
  });
});

import { expect } from "chai";
import { fakeClock, type TestClient, type TestMessaging, testMessaging } from "express-stomp/testing";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { chatContract } from "../../../example/chat/chat-contract.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { newFile } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { Visitor } from "./visitor.js";

describe("the chat's people", () => {
  const clock = fakeClock();
  let chat: Chat;
  let stomp: TestMessaging;
  let origin: string;
  let url: string;
  let database: ChatDatabase;
  let mina: Visitor;
  let jun: Visitor;
  let roomId: string;
  let clients: TestClient[];

  before(async () => {
    url = await newFile();
    await openChat();
    database = await openDatabase(url);
    [mina, jun] = [await memberNamed("Mina"), await memberNamed("Jun")];
  });

  after(async () => {
    await database.destroy();
    await closeChat();
  });

  beforeEach(async () => {
    clients = [];
    roomId = await mina.openRoom("Tea");
  });

  afterEach(async () => {
    for (const client of clients) if (client.isOpen) await client.disconnect();
  });

  /** Pages are asked for over a port, and messages come over lines in memory. */
  async function openChat() {
    chat = await createChat({ databaseUrl: url, logger: recordingLogger(), clock });
    origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
    stomp = await testMessaging(chat.app, chat.messaging, { clock });
  }

  async function closeChat() {
    await stomp.close();
    await chat.close();
  }

  async function memberNamed(name: string) {
    const visitor = new Visitor(origin);
    await visitor.signUp(name);
    return visitor;
  }

  async function connect(visitor: Visitor) {
    const client = await stomp.connect(await visitor.connectOptions());
    clients.push(client);
    return client;
  }

  /** What somebody hears at a destination, on a page of their own. */
  const hearing = async (visitor: Visitor, destination: string) =>
    (await connect(visitor)).subscribe(destination);

  describe("who is in a room", () => {
    const presence = (id = roomId) => `/sub/chat/room/${id}/presence`;
    const room = () => `/sub/chat/room/${roomId}`;

    /** The names that somebody is told, when as much time has passed as it may take. */
    async function watch(visitor: Visitor, id = roomId) {
      const told = await hearing(visitor, presence(id));
      let present: string[] = [];
      return async () => {
        await stomp.settled();
        await clock.pass(5_000);
        for (const body of await told.bodies()) present = replay(present, body);
        return present;
      };
    }

    it("is told when somebody comes, and when they leave", async () => {
      const names = await watch(mina);
      expect(await names()).to.deep.equal([]);
      for (const leaving of ["disconnect", "unsubscribe"] as const) {
        const client = await connect(jun);
        const there = await client.subscribe(room());
        expect(await names()).to.deep.equal(["Jun"]);
        await (leaving === "disconnect" ? client.disconnect() : there.unsubscribe());
        expect(await names()).to.deep.equal([]);
      }
    });

    it("has somebody with several pages once, until the last is closed for longer than it takes to load one", async () => {
      const [one, two] = [await connect(jun), await connect(jun)];
      for (const client of [one, two]) await client.subscribe(room());
      const names = await watch(mina);
      expect(await names()).to.deep.equal(["Jun"]);

      one.lines.cut();
      await one.closed;
      expect(await names()).to.deep.equal(["Jun"]);
      two.lines.cut();
      await two.closed;
      const back = await connect(jun);
      await back.subscribe(room());
      expect(await names()).to.deep.equal(["Jun"]);
      back.lines.cut();
      await back.closed;
      expect(await names()).to.deep.equal([]);
    });

    it("is told to who comes, too, and to nobody in other rooms", async () => {
      const elsewhere = await hearing(jun, presence(await mina.openRoom("Coffee")));
      expect(await elsewhere.next()).to.deep.equal({ count: 0, strangers: 0, users: [] });
      const names = await watch(jun);
      await hearing(jun, room());

      expect(await names()).to.deep.equal(["Jun"]);
      await elsewhere.nothing();
    });
  });

  describe("when somebody writes privately", () => {
    const PRIVATE = "/user/queue/private";
    const ERRORS = "/user/queue/errors";

    it("reaches all pages of both, and nobody else's, whatever they listen to", async () => {
      const sora = await memberNamed("Sora");
      const writing = await connect(mina);
      const pages = [
        await writing.subscribe(PRIVATE),
        await hearing(jun, PRIVATE),
        await hearing(jun, PRIVATE),
      ];
      const third = await connect(sora);
      const others = [PRIVATE, ERRORS, `/sub/chat/room/${roomId}`].map((each) => third.subscribe(each));
      await writing.send("/pub/chat/private", { name: "Jun", message: " psst ", writer: "Sora" });

      for (const page of pages) {
        const told = await page.next();
        expect(told).to.include({ kind: "private", writer: "Mina", recipient: "Jun", message: "psst" });
        expect(told).to.have.keys("kind", "id", "writer", "recipient", "message", "sentAt");
      }
      for (const other of others) await (await other).nothing();
    });

    it("reaches who is not there on coming back, by the database: once, in order, and nobody else", async () => {
      await memberNamed("Away");
      const told = async (visitor: Visitor) =>
        (await hearing(visitor, "/pub/chat/private")).next<{ id: number; message: string }[]>();
      const before = await told(mina);
      const client = await connect(mina);
      for (const message of ["one", "two"]) await client.send("/pub/chat/private", { name: "away", message });

      const away = new Visitor(origin);
      await away.logIn("Away");
      const letters = await told(away);
      expect(letters.map(({ message }) => message)).to.deep.equal(["one", "two"]);
      expect(letters[0]).to.include({ kind: "private", writer: "Mina", recipient: "Away" });
      expect(await told(mina)).to.deep.equal([...before, ...letters]);
      expect(await told(await memberNamed("Other"))).to.deep.equal([]);
    });

    it("is told under the number that it had when it is sent again after a restart", async () => {
      const write = async () => {
        const client = await connect(mina);
        const letters = await client.subscribe(PRIVATE);
        await client.send("/pub/chat/private", { name: "Jun", message: "psst" }, { "dedup-id": "1" });
        return letters.next();
      };
      const told = await write();
      await closeChat();
      await openChat();
      [mina, jun] = [new Visitor(origin), new Visitor(origin)];
      await Promise.all([mina.logIn("Mina"), jun.logIn("Jun")]);

      expect(await write()).to.deep.equal(told);
    });

    for (const [what, body, notice] of [
      ["to nobody the chat knows", { name: "Nobody", message: "a" }, { problem: "unknown", name: "Nobody" }],
      ["to no name", { message: "a" }, { problem: "refused", name: "" }],
      ["to an empty name", { name: " ", message: "a" }, { problem: "unknown", name: "" }],
      ["to __proto__", { name: "__proto__", message: "a" }, { problem: "unknown", name: "__proto__" }],
      ["to themselves", { name: "Mina", message: "a" }, { problem: "refused", reason: "That is you." }],
      ["to their name in another case", { name: "mina", message: "a" }, { problem: "refused", name: "mina" }],
      [
        "nothing",
        { name: "Jun", message: " " },
        { problem: "refused", name: "Jun", reason: "A message needs some text." },
      ],
      ["what is no object", "text", { problem: "refused" }],
    ] as const) {
      it(`answers ${what} at ${ERRORS} of that page alone, which stays connected`, async () => {
        const [one, other] = [await connect(mina), await connect(mina)];
        const silent = [
          await other.subscribe(ERRORS),
          await other.subscribe(PRIVATE),
          await one.subscribe(PRIVATE),
        ];
        const errors = await one.subscribe(ERRORS);
        const type = { "content-type": "application/json" };
        await one.send("/pub/chat/private", JSON.stringify(body), type);

        const told = await errors.next();
        expect(told).to.include(notice).and.have.property("receipt").that.is.a("string");
        for (const each of [errors, ...silent]) await each.nothing();
        expect(one.isOpen).to.equal(true);
      });
    }

    for (const destination of [
      "/user/Jun/queue/private",
      "/user/jun/queue/private",
      "/user/%4Aun/queue/private",
      "/user/*/queue/private",
      "/user/**",
      "/user/queue/*",
      "/user/queue/private/",
      "/user//queue/private",
      "/user/queue/private/../private",
      "/queue/private",
      "/queue/*",
      "/queue/private-userJun",
      "/**",
      "/*/*/*",
      "/{a}/{b}/{c}",
    ]) {
      it(`lets nobody subscribe to ${destination}`, async () => {
        const client = await connect(mina);
        await client.refused(destination, "", { command: "SUBSCRIBE" });
        await client.closed;
      });

      it(`lets nobody send to ${destination}`, async () => {
        const [client, letters] = [await connect(mina), await hearing(jun, PRIVATE)];
        const body = { kind: "private", writer: "Sora", message: "forged" };
        await client.refused(destination, "", { body });
        await letters.nothing();
      });
    }
  });

  describe("when one of the staff ends somebody's session", () => {
    const END = "/pub/chat/staff/end";
    const ERRORS = "/user/queue/errors";
    const REASON = "Please rest a while.";

    beforeEach(async () => {
      await new MemberRepository(database).setRole("Mina", "staff");
    });

    it("tells them why in all their pages, and closes those alone", async () => {
      const staff = await connect(mina);
      const errors = await staff.subscribe(ERRORS);
      const pages = [await connect(jun), await connect(jun)];
      const told = [];
      for (const page of pages) told.push(await page.subscribe(ERRORS));
      await staff.send(END, { name: "Jun", reason: REASON });

      for (const [i, page] of pages.entries()) {
        expect(await told[i]!.next()).to.deep.equal({ problem: "ended", reason: REASON });
        expect((await page.frame()).headers).to.include({ message: REASON });
        await page.closed;
      }
      await errors.nothing();
      expect(chat.messaging.userRegistry.getUser("Jun")).to.equal(undefined);
    });

    for (const [what, body, notice] of [
      ["somebody who is not there", { name: "Jun", reason: REASON }, { problem: "absent", name: "Jun" }],
      ["themselves", { name: "Mina", reason: REASON }, { problem: "refused", reason: "That is you." }],
      ["somebody without a reason", { name: "Jun", reason: " " }, { problem: "refused" }],
      ["somebody for a reason without end", { name: "Jun", reason: "x".repeat(201) }, { problem: "refused" }],
      ["somebody for what is no text", { name: "Jun", reason: 7 }, { problem: "refused" }],
    ] as const) {
      it(`is told what is wrong when they want to end ${what}`, async () => {
        const staff = await connect(mina);
        const errors = await staff.subscribe(ERRORS);
        await staff.send(END, body);

        expect(await errors.next()).to.include(notice);
        await errors.nothing();
      });
    }

    it("is refused with ERROR to a member who is none of them, or not any more", async () => {
      const [staff, other] = [await connect(mina), await connect(jun)];
      const denied = `Access denied: SEND ${END}`;
      await other.refused(END, denied, { body: { name: "Mina", reason: REASON } });
      expect(staff.isOpen).to.equal(true);

      await new MemberRepository(database).setRole("Mina", "member");
      await staff.refused(END, denied, { body: { name: "Jun", reason: REASON } });
    });

    it("shows the means to do so to the staff alone", async () => {
      const page = `/chat/room?roomId=${roomId}`;

      expect((await mina.get(page)).text)
        .to.include("data-staff")
        .and.include("<dialog");
      expect((await jun.get(page)).text)
        .to.not.include("data-staff")
        .and.not.include("<dialog");
    });
  });
});

/** The names that are there after a state or a change. */
function replay(before: readonly string[], told: unknown): string[] {
  const { message } = chatContract.destinations["/sub/chat/room/{roomId}/presence"];
  expect(message["~standard"].validate(told)).to.not.have.property("issues");
  const {
    users,
    joined = [],
    left = [],
  } = told as Record<"users" | "joined", { name: string }[]> & { left?: string[] };
  const there = new Set(users ? users.map(({ name }) => name) : before);
  for (const name of left) there.delete(name);
  for (const { name } of joined) there.add(name);
  return [...there].toSorted();
}

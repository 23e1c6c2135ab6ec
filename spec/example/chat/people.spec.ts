import { expect } from "chai";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { chatContract } from "../../../example/chat/chat-contract.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { newFile } from "../../support/databases.js";
import type { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { bodyOf, send, subscribe, Visitor } from "./visitor.js";

describe("the chat's people", () => {
  let chat: Chat;
  let origin: string;
  let url: string;
  let database: ChatDatabase;
  let mina: Visitor;
  let jun: Visitor;
  let roomId: string;
  let clients: RawClient[];

  beforeEach(async () => {
    clients = [];
    url = await newFile();
    await openChat();
    database = await openDatabase(url);
    [mina, jun] = [await memberNamed("Mina"), await memberNamed("Jun")];
    roomId = await mina.openRoom("Tea");
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    await database.destroy();
    await chat.close();
  });

  async function openChat() {
    chat = await createChat({ databaseUrl: url, logger: recordingLogger() });
    origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
  }

  async function memberNamed(name: string) {
    const visitor = new Visitor(origin);
    await visitor.signUp(name);
    return visitor;
  }

  async function connect(visitor: Visitor, ...destinations: string[]) {
    const client = await visitor.connect();
    clients.push(client);
    for (const destination of destinations) client.send(subscribe(destination));
    await client.synchronize();
    return client;
  }

  /** The next body that this client gets. */
  const next = async (client: RawClient) => bodyOf(await client.frame());

  describe("who is in a room", () => {
    const presence = (id = roomId) => `/sub/chat/room/${id}/presence`;
    const room = () => `/sub/chat/room/${roomId}`;

    /** The names that a client was told last, once it has been told so often. */
    async function names(client: RawClient, times = 1): Promise<string[]> {
      for (let i = 0; i < times; i++) present = replay(present, await next(client));
      return present;
    }

    let present: string[];

    /** The first thing that a client hears of presence is who is there. */
    async function watch(visitor: Visitor, ...destinations: string[]) {
      const client = await visitor.connect();
      clients.push(client);
      for (const destination of destinations) client.send(subscribe(destination));
      return client;
    }

    beforeEach(() => {
      present = [];
    });

    it("is told when somebody comes, and when they leave", async () => {
      const watching = await watch(mina, presence());
      expect(await names(watching)).to.deep.equal([]);
      for (const leave of ["DISCONNECT\n\n^@", `UNSUBSCRIBE\nid:${room()}\n\n^@`]) {
        const client = await connect(jun, room());
        expect(await names(watching)).to.deep.equal(["Jun"]);
        client.send(leave);
        expect(await names(watching)).to.deep.equal([]);
      }
    });

    it("has somebody with several pages once, until the last is closed for longer than it takes to load one", async () => {
      const [one, two] = [await connect(jun, room()), await connect(jun, room())];
      const watching = await watch(mina, presence(), room());
      expect(await names(watching, 2)).to.deep.equal(["Jun", "Mina"]);

      one.cut();
      expect(await names(watching)).to.deep.equal(["Jun", "Mina"]);
      two.cut();
      expect(await names(watching)).to.deep.equal(["Mina"]);
    });

    it("is told to who comes, too, and to nobody in other rooms", async () => {
      const other = await mina.openRoom("Coffee");
      const elsewhere = await watch(jun, presence(other));
      expect(await next(elsewhere)).to.deep.equal({ count: 0, strangers: 0, users: [] });
      const client = await watch(jun, presence(), room());

      expect(await names(client, 2)).to.deep.equal(["Jun"]);
      expect(await elsewhere.synchronize()).to.deep.equal([]);
    });
  });

  describe("when somebody writes privately", () => {
    const PRIVATE = "/user/queue/private";
    const ERRORS = "/user/queue/errors";

    it("reaches all pages of both, and nobody else's, whatever they listen to", async () => {
      const sora = await memberNamed("Sora");
      const hearing = [
        await connect(mina, PRIVATE),
        await connect(jun, PRIVATE),
        await connect(jun, PRIVATE),
      ];
      const third = await connect(sora, PRIVATE, ERRORS, `/sub/chat/room/${roomId}`);
      hearing[0]!.send(send("/pub/chat/private", { name: "Jun", message: " psst ", writer: "Sora" }));

      for (const client of hearing) {
        const told = await next(client);
        expect(told).to.include({ kind: "private", writer: "Mina", recipient: "Jun", message: "psst" });
        expect(told).to.have.keys("kind", "id", "writer", "recipient", "message", "sentAt");
      }
      expect(await third.synchronize()).to.deep.equal([]);
    });

    it("reaches who is not there on coming back, by the database: once, in order, and nobody else", async () => {
      const [sora, client] = [await memberNamed("Sora"), await connect(mina, PRIVATE)];
      for (const message of ["one", "two"]) client.send(send("/pub/chat/private", { name: "jun", message }));
      await client.synchronize();

      const told = async (visitor: Visitor) => {
        const asking = await visitor.connect();
        clients.push(asking);
        asking.send(subscribe("/pub/chat/private"));
        return (await next(asking)) as { id: number; message: string }[];
      };
      const letters = await told(jun);
      expect(letters.map(({ message }) => message)).to.deep.equal(["one", "two"]);
      expect(letters[0]).to.include({ kind: "private", writer: "Mina", recipient: "Jun" });
      expect(await told(mina)).to.deep.equal(letters);
      expect(await told(sora)).to.deep.equal([]);
    });

    it("is told under the number that it had when it is sent again after a restart", async () => {
      const letter = send("/pub/chat/private", { name: "Jun", message: "psst" }, "dedup-id:1\n");
      const before = await connect(mina, PRIVATE);
      before.send(letter);
      const told = await next(before);
      await chat.close();
      await openChat();
      mina = new Visitor(origin);
      await mina.logIn("Mina");
      const after = await connect(mina, PRIVATE);
      after.send(letter);

      expect(await next(after)).to.deep.equal(told);
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
        const [one, other] = [await connect(mina, ERRORS, PRIVATE), await connect(mina, ERRORS, PRIVATE)];
        one.send(send("/pub/chat/private", body, "receipt:r1\n"));

        expect(await next(one)).to.include({ receipt: "r1", ...notice });
        expect(await one.frame()).to.match(/^RECEIPT\nreceipt-id:r1\n/);
        expect(await other.synchronize()).to.deep.equal([]);
        expect(await one.synchronize()).to.deep.equal([]);
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
        client.send(subscribe(destination));

        expect(await client.frame()).to.match(/^ERROR\n/);
        expect(await client.closed()).to.be.a("number");
      });

      it(`lets nobody send to ${destination}`, async () => {
        const [client, hearing] = [await connect(mina), await connect(jun, PRIVATE)];
        client.send(send(destination, { kind: "private", writer: "Sora", message: "forged" }));

        expect(await client.frame()).to.match(/^ERROR\n/);
        expect(await hearing.synchronize()).to.deep.equal([]);
      });
    }
  });

  describe("when one of the staff ends somebody's session", () => {
    const end = (name: string, reason: unknown = "Please rest a while.") =>
      send("/pub/chat/staff/end", { name, reason });

    beforeEach(async () => {
      await new MemberRepository(database).setRole("Mina", "staff");
    });

    it("tells them why in all their pages, and closes those alone", async () => {
      const staff = await connect(mina, "/user/queue/errors");
      const pages = [await connect(jun, "/user/queue/errors"), await connect(jun, "/user/queue/errors")];
      staff.send(end("Jun"));

      for (const page of pages) {
        expect(await next(page)).to.deep.equal({ problem: "ended", reason: "Please rest a while." });
        expect(await page.frame())
          .to.match(/^ERROR\n/)
          .and.include("message:Please rest a while.\n");
        expect(await page.closed()).to.be.a("number");
      }
      expect(await staff.synchronize()).to.deep.equal([]);
      expect(chat.messaging.userRegistry.getUser("Jun")).to.equal(undefined);
    });

    for (const [what, frame, notice] of [
      ["somebody who is not there", end("Jun"), { problem: "absent", name: "Jun" }],
      ["themselves", end("Mina"), { problem: "refused", reason: "That is you." }],
      ["somebody without a reason", end("Jun", " "), { problem: "refused" }],
      ["somebody for a reason without end", end("Jun", "x".repeat(201)), { problem: "refused" }],
      ["somebody for what is no text", end("Jun", 7), { problem: "refused" }],
    ] as const) {
      it(`is told what is wrong when they want to end ${what}`, async () => {
        const staff = await connect(mina, "/user/queue/errors");
        staff.send(frame);

        expect(await next(staff)).to.include(notice);
        expect(await staff.synchronize()).to.deep.equal([]);
      });
    }

    it("is refused with ERROR to a member who is none of them, or not any more", async () => {
      const [staff, other] = [await connect(mina), await connect(jun)];
      other.send(end("Mina"));
      expect(await other.frame()).to.include("message:Access denied\\c SEND /pub/chat/staff/end\n");
      expect(await staff.synchronize()).to.deep.equal([]);

      await new MemberRepository(database).setRole("Mina", "member");
      staff.send(end("Jun"));
      expect(await staff.frame()).to.include("message:Access denied\\c SEND /pub/chat/staff/end\n");
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

import { expect } from "chai";
import { type TestClient, type TestMessaging, testMessaging } from "express-stomp/testing";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { onEachDatabase } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { Visitor } from "./visitor.js";

const JSON_TYPE = { "content-type": "application/json" };
/** Begins what the contract's schemas find. */
const INVALID = "The payload is not valid: ";

describe("the chat's messages", () => {
  onEachDatabase((newDatabase) => {
    let chat: Chat;
    let stomp: TestMessaging;
    let mina: Visitor;
    let jun: Visitor;
    let roomId: string;
    let other: string;
    let clients: TestClient[];

    // Pages are asked for over a port, and messages come over lines in memory.
    before(async () => {
      chat = await createChat({ databaseUrl: await newDatabase(), logger: recordingLogger() });
      const origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
      stomp = await testMessaging(chat.app, chat.messaging);
      [mina, jun] = [new Visitor(origin), new Visitor(origin)];
      await mina.signUp("Mina");
      await jun.signUp("Jun");
      roomId = await mina.openRoom("Tea");
      other = await mina.openRoom("Coffee");
    });

    beforeEach(() => {
      clients = [];
    });

    afterEach(async () => {
      for (const client of clients) if (client.isOpen) await client.disconnect();
    });

    after(async () => {
      await stomp.close();
      await chat.close();
    });

    async function connect(visitor: Visitor) {
      const client = await stomp.connect(await visitor.connectOptions());
      clients.push(client);
      return client;
    }

    /** What someone hears of a room, on a page of their own. */
    const hearing = async (visitor: Visitor, room = roomId) =>
      (await connect(visitor)).subscribe(`/sub/chat/room/${room}`);

    const history = async (visitor: Visitor, room = roomId) =>
      (await (await connect(visitor)).subscribe(`/pub/chat/room/${room}`)).next<{ message: string }[]>();

    it("tells everyone in the room what a member says, under the member's name", async () => {
      const [one, theirs] = [await connect(mina), await hearing(jun)];
      const own = await one.subscribe(`/sub/chat/room/${roomId}`);
      await one.send("/pub/chat/message", { roomId, message: " 안녕 <b>\n ", writer: "Jun" });

      for (const room of [own, theirs]) {
        const news = await room.next();
        expect(news).to.include({ kind: "message", roomId, writer: "Mina", message: "안녕 <b>" });
        expect(news).to.have.keys("kind", "id", "roomId", "writer", "message", "sentAt");
      }
    });

    it("tells who enters, and does not keep it", async () => {
      const [one, room] = [await connect(mina), await hearing(jun)];
      const before = await history(mina);
      await one.send("/pub/chat/enter", { roomId, writer: "Jun" });

      expect(await room.next()).to.include({ kind: "enter", roomId, writer: "Mina" });
      expect(await history(jun)).to.deep.equal(before);
    });

    it("tells nobody in other rooms", async () => {
      const [one, here, there] = [await connect(mina), await hearing(mina), await hearing(jun, other)];
      await one.send("/pub/chat/message", { roomId, message: "here" });

      expect(await here.next()).to.include({ message: "here" });
      await there.nothing();
    });

    it("gives those who come the last 50 messages, in order", async () => {
      const one = await connect(mina);
      const said = Array.from({ length: 60 }, (_, i) => `no. ${i + 1}`);
      await Promise.all(said.map((message) => one.send("/pub/chat/message", { roomId: other, message })));

      expect((await history(jun, other)).map(({ message }) => message)).to.deep.equal(said.slice(-50));
    });

    describe("when a message cannot be said", () => {
      for (const [what, message, reason] of [
        ["empty", "", "A message needs some text."],
        ["blank", " \n ", "A message needs some text."],
        ["too long", "x".repeat(1001), "A message has at most 1000 characters; this one has 1001."],
        ["no text", 17, `${INVALID}message: A message is text without control characters.`],
        ["missing", undefined, `${INVALID}message: Invalid key: Expected "message" but received undefined`],
        ["with a NUL", "a\u0000b", "A message is text without control characters."],
      ] as const) {
        it(`answers one that is ${what} with ERROR and the reason, and keeps nothing`, async () => {
          const before = await history(mina);
          const [one, room] = [await connect(mina), await hearing(jun)];
          const told = await one.refused("/pub/chat/message", "", { body: { roomId, message } });

          expect(told).to.equal(reason);
          await room.nothing();
          expect(await history(mina)).to.deep.equal(before);
        });
      }

      it("takes one of exactly 1000 characters", async () => {
        await (await connect(mina)).send("/pub/chat/message", { roomId, message: "x".repeat(1000) });
      });

      for (const [body, reason] of [
        [{ message: "hello" }, `${INVALID}roomId: Invalid key`],
        [{ roomId: "00000000-0000-4000-8000-000000000000", message: "hello" }, "This room does not exist."],
        ["text", `${INVALID}Invalid type`],
        [[1], `${INVALID}roomId: Invalid key`],
      ] as const) {
        it(`answers ${JSON.stringify(body)} with ERROR: there is no such room`, async () => {
          for (const destination of ["/pub/chat/message", "/pub/chat/enter"]) {
            await (await connect(mina)).refused(destination, reason, {
              body: JSON.stringify(body),
              headers: JSON_TYPE,
            });
          }
        });
      }

      it("lets the session live when no receipt was asked for", async () => {
        const one = await connect(mina);
        const room = await one.subscribe(`/sub/chat/room/${roomId}`);
        for (const message of ["", "still here"]) {
          const body = JSON.stringify({ roomId, message });
          one.raw(`SEND\ndestination:/pub/chat/message\ncontent-type:application/json\n\n${body}\0`);
        }

        expect(await room.next()).to.include({ message: "still here" });
        expect(stomp.events("controllerError").length).to.be.greaterThan(0);
      });
    });

    describe("when someone goes where members do not go", () => {
      for (const destination of [
        "/sub/chat/room/ROOM",
        "/sub/chat/room/ROOM/presence",
        "/pub/chat/other",
        "/pub/chat/staff/end",
        "/elsewhere",
        "/pub/chat/room/ROOM",
        "/user/Jun/queue/private",
        "/user/queue/private",
      ]) {
        it(`refuses a SEND to ${destination}, and nobody hears it`, async () => {
          const [one, room] = [await connect(mina), await hearing(jun)];
          const place = destination.replace("ROOM", roomId);
          const body = { kind: "message", writer: "Jun", message: "forged" };

          expect(await one.refused(place, "", { body })).to.equal(`Access denied: SEND ${place}`);
          expect((await one.closed).code).to.be.a("number");
          await room.nothing();
        });
      }

      for (const destination of [
        "/sub/chat/room/00000000-0000-4000-8000-000000000000",
        "/sub/chat/room/00000000-0000-4000-8000-000000000000/presence",
        "/pub/chat/room/nowhere",
      ]) {
        it(`refuses a SUBSCRIBE of ${destination}: there is no room`, async () => {
          const told = await (await connect(mina)).refused(destination, "", { command: "SUBSCRIBE" });

          expect(told).to.equal(`There is no room at ${destination.replace(/\/presence$/, "")}`);
        });
      }

      for (const destination of [
        "/sub/chat/room/",
        "/sub/chat/room/*",
        "/sub/chat/room/{id}",
        "/sub/chat/**",
        "/sub/**",
        "/**",
        "/pub/chat/message",
        "/elsewhere",
      ]) {
        it(`refuses a SUBSCRIBE of ${destination}`, async () => {
          const told = await (await connect(mina)).refused(destination, "", { command: "SUBSCRIBE" });

          expect(told).to.equal(`Access denied: SUBSCRIBE ${destination}`);
        });
      }
    });

    it("answers a handshake of a stranger 401, whatever their cookie says", async () => {
      for (const requestHeaders of [
        {},
        { cookie: "chat.sid=s%3Aforged.signature" },
        { cookie: `${mina.cookie().slice(0, -3)}xyz` },
      ]) {
        await stomp.refused({ requestHeaders }, "401");
      }
    });

    it("answers a member's handshake from another site's page 403", async () => {
      await stomp.refused(
        { requestHeaders: { cookie: mina.cookie() }, origin: "https://evil.example" },
        "403",
      );
    });
  });
});

import { expect } from "chai";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { onEachDatabase } from "../../support/databases.js";
import { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { bodyOf, send, subscribe, Visitor } from "./visitor.js";

/** Begins what the contract's schemas find. */
const INVALID = "The payload is not valid\\c ";

describe("the chat's messages", () => {
  onEachDatabase((newDatabase) => {
    let chat: Chat;
    let port: number;
    let mina: Visitor;
    let jun: Visitor;
    let roomId: string;
    let other: string;
    let clients: RawClient[];

    before(async () => {
      chat = await createChat({ databaseUrl: await newDatabase(), logger: recordingLogger() });
      port = await chat.listen(0, "127.0.0.1");
      [mina, jun] = [new Visitor(`http://127.0.0.1:${port}`), new Visitor(`http://127.0.0.1:${port}`)];
      await mina.signUp("Mina");
      await jun.signUp("Jun");
      roomId = await mina.openRoom("Tea");
      other = await mina.openRoom("Coffee");
    });

    beforeEach(() => {
      clients = [];
    });

    afterEach(() => {
      for (const client of clients) client.cut();
    });

    after(() => chat.close());

    async function connect(visitor: Visitor) {
      const client = await visitor.connect();
      clients.push(client);
      return client;
    }

    /** Someone who hears the room. */
    async function enter(visitor: Visitor, room = roomId) {
      const client = await connect(visitor);
      client.send(`SUBSCRIBE\nid:room\ndestination:/sub/chat/room/${room}\n\n^@`);
      await client.synchronize();
      return client;
    }

    async function history(visitor: Visitor, room = roomId) {
      const client = await connect(visitor);
      client.send(`SUBSCRIBE\nid:history\ndestination:/pub/chat/room/${room}\n\n^@`);
      return bodyOf(await client.frame()) as { message: string }[];
    }

    it("tells everyone in the room what a member says, under the member's name", async () => {
      const [one, two] = [await enter(mina), await enter(jun)];
      one.send(send("/pub/chat/message", { roomId, message: " 안녕 <b>\n ", writer: "Jun" }));

      for (const client of [one, two]) {
        const news = bodyOf(await client.frame());
        expect(news).to.include({ kind: "message", roomId, writer: "Mina", message: "안녕 <b>" });
        expect(news).to.have.keys("kind", "id", "roomId", "writer", "message", "sentAt");
      }
    });

    it("tells who enters, and does not keep it", async () => {
      const one = await enter(mina);
      const before = await history(mina);
      one.send(send("/pub/chat/enter", { roomId, writer: "Jun" }));

      expect(bodyOf(await one.frame())).to.include({ kind: "enter", roomId, writer: "Mina" });
      expect(await history(jun)).to.deep.equal(before);
    });

    it("tells nobody in other rooms", async () => {
      const [one, two] = [await enter(mina), await enter(jun, other)];
      one.send(send("/pub/chat/message", { roomId, message: "here" }, "receipt:r\n"));
      await one.frame();
      await one.frame();

      expect(await two.synchronize()).to.deep.equal([]);
    });

    it("gives those who come the last 50 messages, in order", async () => {
      const one = await connect(mina);
      for (let i = 1; i <= 60; i++)
        one.send(send("/pub/chat/message", { roomId: other, message: `no. ${i}` }));
      await one.synchronize();
      const messages = (await history(jun, other)).map((message) => message.message);

      expect(messages).to.have.length(50);
      expect([messages[0], messages[49]]).to.deep.equal(["no. 11", "no. 60"]);
    });

    describe("when a message cannot be said", () => {
      for (const [what, message, reason] of [
        ["empty", "", "A message needs some text."],
        ["blank", " \n ", "A message needs some text."],
        ["too long", "x".repeat(1001), "A message has at most 1000 characters; this one has 1001."],
        ["no text", 17, `${INVALID}message\\c A message is text without control characters.`],
        [
          "missing",
          undefined,
          `${INVALID}message\\c Invalid key\\c Expected "message" but received undefined`,
        ],
        ["with a NUL", "a\u0000b", "A message is text without control characters."],
      ] as const) {
        it(`answers one that is ${what} with ERROR and the reason, and keeps nothing`, async () => {
          const before = await history(mina);
          const [one, two] = [await connect(mina), await enter(jun)];
          one.send(send("/pub/chat/message", { roomId, message }, "receipt:r1\n"));
          const error = await one.frame();

          expect(error)
            .to.match(/^ERROR\n/)
            .and.include("\nreceipt-id:r1\n");
          expect(error).to.include(`\nmessage:${reason}\n`);
          expect(await two.synchronize()).to.deep.equal([]);
          expect(await history(mina)).to.deep.equal(before);
        });
      }

      it("takes one of exactly 1000 characters", async () => {
        const one = await connect(mina);
        one.send(send("/pub/chat/message", { roomId, message: "x".repeat(1000) }, "receipt:r1\n"));

        expect(await one.frame()).to.match(/^RECEIPT\nreceipt-id:r1\n/);
      });

      for (const [body, reason] of [
        [{ message: "hello" }, `${INVALID}roomId\\c Invalid key`],
        [{ roomId: "00000000-0000-4000-8000-000000000000", message: "hello" }, "This room does not exist."],
        ["text", `${INVALID}Invalid type`],
        [[1], `${INVALID}roomId\\c Invalid key`],
      ] as const) {
        it(`answers ${JSON.stringify(body)} with ERROR: there is no such room`, async () => {
          for (const destination of ["/pub/chat/message", "/pub/chat/enter"]) {
            const one = await connect(mina);
            one.send(send(destination, body, "receipt:r1\n"));

            expect(await one.frame()).to.include(`\nmessage:${reason}`);
          }
        });
      }

      it("lets the session live when no receipt was asked for", async () => {
        const one = await enter(mina);
        one.send(send("/pub/chat/message", { roomId, message: "" }));
        one.send(send("/pub/chat/message", { roomId, message: "still here" }));

        expect(bodyOf(await one.frame())).to.include({ message: "still here" });
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
          const [one, two] = [await connect(mina), await enter(jun)];
          const place = destination.replace("ROOM", roomId);
          one.send(send(place, { kind: "message", writer: "Jun", message: "forged" }));

          expect(await one.frame())
            .to.match(/^ERROR\n/)
            .and.include(`message:Access denied\\c SEND ${place}\n`);
          expect(await one.closed()).to.be.a("number");
          expect(await two.synchronize()).to.deep.equal([]);
        });
      }

      for (const destination of [
        "/sub/chat/room/00000000-0000-4000-8000-000000000000",
        "/sub/chat/room/00000000-0000-4000-8000-000000000000/presence",
        "/pub/chat/room/nowhere",
      ]) {
        it(`refuses a SUBSCRIBE of ${destination}: there is no room`, async () => {
          const one = await connect(mina);
          one.send(subscribe(destination));

          expect(await one.frame())
            .to.match(/^ERROR\n/)
            .and.include(`message:There is no room at ${destination.replace(/\/presence$/, "")}\n`);
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
          const one = await connect(mina);
          one.send(subscribe(destination));

          expect(await one.frame())
            .to.match(/^ERROR\n/)
            .and.include(`message:Access denied\\c SUBSCRIBE ${destination}\n`);
        });
      }
    });

    it("answers a handshake of a stranger 401, whatever their cookie says", async () => {
      for (const headers of [
        {},
        { cookie: "chat.sid=s%3Aforged.signature" },
        { cookie: `${mina.cookie().slice(0, -3)}xyz` },
      ]) {
        const failure = await RawClient.open(port, "/stomp/chat", { headers }).catch(
          (error: Error) => error.message,
        );

        expect(failure).to.equal("Unexpected server response: 401");
      }
    });

    it("answers a member's handshake from another site's page 403", async () => {
      const options = { headers: { cookie: mina.cookie() }, origin: "https://evil.example" };
      const failure = await RawClient.open(port, "/stomp/chat", options).catch(
        (error: Error) => error.message,
      );

      expect(failure).to.equal("Unexpected server response: 403");
    });
  });
});

import { createHash } from "node:crypto";
import { expect } from "chai";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { onEachDatabase } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { Visitor } from "./visitor.js";

describe("the chat's pages", () => {
  onEachDatabase((newDatabase) => {
    let chat: Chat;
    let origin: string;
    let url: string;

    let database: ChatDatabase;
    const logger = recordingLogger();

    before(async () => {
      url = await newDatabase();
      chat = await createChat({ databaseUrl: url, logger });
      origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
      database = await openDatabase(url);
    });

    afterEach(() => emptyTables(database));

    after(async () => {
      await database.destroy();
      await chat.close();
    });

    async function memberNamed(name: string) {
      const visitor = new Visitor(origin);
      expect((await visitor.signUp(name)).status).to.equal(303);
      return visitor;
    }

    describe("when a stranger comes", () => {
      for (const path of ["/chat/rooms", "/chat/room?roomId=x", "/chat/anything"]) {
        it(`leads ${path} to the login`, async () => {
          const answer = await new Visitor(origin).get(path);

          expect(answer.status).to.equal(302);
          expect(answer.headers.location).to.equal("/login");
        });
      }

      it("opens no room for them", async () => {
        const stranger = new Visitor(origin);

        expect((await stranger.post("/chat/room", { name: "mine" })).headers.location).to.equal("/login");
        expect((await (await memberNamed("Mina")).get("/chat/rooms")).text).to.not.include("mine");
      });

      it("answers their handshakes 401, SockJS's paths included", async () => {
        for (const path of ["/stomp/chat", "/stomp/chat/info", "/stomp/chat/000/abcdefgh/xhr_streaming"]) {
          expect((await new Visitor(origin).get(path)).status, path).to.equal(401);
        }
      });

      it("brings them to the room they asked for, once they are logged in", async () => {
        const id = await (await memberNamed("Mina")).openRoom("one");
        const stranger = new Visitor(origin);
        await stranger.get(`/chat/room?roomId=${id}`);

        expect((await stranger.signUp("Jun")).headers.location).to.equal(`/chat/room?roomId=${id}`);
      });
    });

    describe("when someone signs up", () => {
      it("logs them in, by a session with another id than before", async () => {
        const visitor = new Visitor(origin);
        const before = (await visitor.get("/login")).headers["set-cookie"]![0];
        const answer = await visitor.signUp("Mina");

        expect(answer.headers.location).to.equal("/chat/rooms");
        expect(answer.headers["set-cookie"]![0]).to.match(/^chat\.sid=.*HttpOnly; SameSite=Lax/);
        expect(answer.headers["set-cookie"]![0]!.split(";")[0]).to.not.equal(before!.split(";")[0]);
        expect((await visitor.get("/chat/rooms")).text).to.include("Mina");
      });

      it("refuses a name that is taken, and says so", async () => {
        await memberNamed("Mina");
        const answer = await new Visitor(origin).signUp("mina");

        expect(answer.status).to.equal(409);
        expect(answer.text).to.include("That name is taken");
      });

      for (const name of ["", "   ", "x".repeat(21), "a\u0000b", "a\nb"]) {
        it(`refuses the name ${JSON.stringify(name)}`, async () => {
          const answer = await new Visitor(origin).signUp(name);

          expect(answer.status).to.equal(400);
          expect(answer.text).to.include("A name has 1 to 20 characters.");
        });
      }

      for (const length of [7, 201]) {
        it(`refuses a password of ${length} characters`, async () => {
          const answer = await new Visitor(origin).signUp("Mina", "x".repeat(length));

          expect(answer.status).to.equal(400);
          expect(answer.text).to.include("A password has 8 to 200 characters.");
        });
      }
    });

    describe("when someone logs in", () => {
      it("lets them in with the right password", async () => {
        await memberNamed("Mina");
        const visitor = new Visitor(origin);

        expect((await visitor.logIn("Mina")).headers.location).to.equal("/chat/rooms");
        expect((await visitor.get("/chat/rooms")).status).to.equal(200);
      });

      it("says the same of a wrong password and of an unknown name", async () => {
        await memberNamed("Mina");

        for (const [name, password] of [
          ["Mina", "another password"],
          ["Nobody", "a long password"],
          ["a\u0000b", "a long password"],
          ["Mina", ""],
        ]) {
          const visitor = new Visitor(origin);
          const answer = await visitor.logIn(name!, password);

          expect(answer.status).to.equal(401);
          expect(answer.text).to.include("Name or password is wrong.");
          expect((await visitor.get("/chat/rooms")).status).to.equal(302);
        }
      });

      it("shows the given name again as text", async () => {
        const answer = await new Visitor(origin).logIn(`"><img src=x onerror=alert(1)>`);

        expect(answer.text).to.include("&lt;img src=x").and.not.include("<img src=x");
      });

      it("lets them out again", async () => {
        const visitor = await memberNamed("Mina");

        expect((await visitor.post("/logout", {}, "/chat/rooms")).headers.location).to.equal("/login");
        expect((await visitor.get("/chat/rooms")).status).to.equal(302);
      });
    });

    describe("when a form comes without the token of its page", () => {
      for (const path of ["/login", "/signup", "/chat/room", "/logout"]) {
        it(`refuses ${path} with 403`, async () => {
          const visitor = await memberNamed("Mina");
          await visitor.get("/chat/rooms");
          const fields = { name: "Jun", password: "a long password" };

          expect((await visitor.postWithout(path, fields)).status).to.equal(403);
          expect((await visitor.postWithout(path, { ...fields, _csrf: "x".repeat(43) })).status).to.equal(
            403,
          );
          expect((await visitor.get("/chat/rooms")).text)
            .to.include("Mina")
            .and.not.include("Jun");
        });
      }
    });

    describe("when a member opens a room", () => {
      it("leads to the rooms, which say once that it is open", async () => {
        const visitor = await memberNamed("Mina");
        const answer = await visitor.post("/chat/room", { name: "Tea" }, "/chat/rooms");

        expect(answer.status).to.equal(303);
        expect(answer.headers.location).to.equal("/chat/rooms");
        expect((await visitor.get("/chat/rooms")).text).to.include("The room “Tea” is open.");
        expect((await visitor.get("/chat/rooms")).text)
          .to.include("Tea")
          .and.not.include("is open.");
      });

      it("lists the rooms newest first", async () => {
        const visitor = await memberNamed("Mina");
        for (const name of ["first", "second", "third"]) await visitor.openRoom(name);
        const { text } = await visitor.get("/chat/rooms");

        expect(text.match(/first|second|third/g)!.join(" ")).to.match(/^third.* second.* first/);
      });

      for (const name of ["", "  ", "x".repeat(51), "a\u0000b"]) {
        it(`refuses the name ${JSON.stringify(name)}`, async () => {
          const visitor = await memberNamed("Mina");
          const answer = await visitor.post("/chat/room", { name }, "/chat/rooms");

          expect(answer.status).to.equal(400);
          expect(answer.text).to.include("A room needs a name of 1 to 50 characters.");
        });
      }

      it("shows HTML in the name as text", async () => {
        const visitor = await memberNamed("Mina");
        const id = await visitor.openRoom("<script>alert(1)</script>");

        for (const path of ["/chat/rooms", `/chat/room?roomId=${id}`]) {
          expect((await visitor.get(path)).text)
            .to.include("&lt;script&gt;")
            .and.not.include("<script>alert");
        }
      });
    });

    describe("when a member asks for what does not exist", () => {
      for (const query of [
        "",
        "?roomId=",
        "?roomId=x",
        "?roomId=%00",
        "?roomId=a&roomId=b",
        "?roomId[a]=b",
      ]) {
        it(`answers 404 with a page to /chat/room${query}`, async () => {
          const answer = await (await memberNamed("Mina")).get(`/chat/room${query}`);

          expect(answer.status).to.equal(404);
          expect(answer.text).to.include("This room does not exist.");
        });
      }

      it("answers 404 with a page to any other path", async () => {
        const answer = await (await memberNamed("Mina")).get("/nowhere");

        expect(answer.status).to.equal(404);
        expect(answer.text).to.include("This page does not exist.");
      });
    });

    it("speaks Korean to those who prefer it, English to all others", async () => {
      for (const [header, text] of [
        ["ko-KR,ko;q=0.9,en;q=0.8", "로그인"],
        ["en-GB,ko;q=0.5", "Log in"],
        ["fr", "Log in"],
        ["*", "Log in"],
      ]) {
        const answer = await new Visitor(origin, header).get("/login");
        expect(answer.text, header).to.include(text);
        expect(answer.headers.vary, header).to.include("Accept-Language");
      }
    });

    it("forbids pages to run or load anything but the chat's own files", async () => {
      const { headers } = await new Visitor(origin).get("/login");

      expect(headers["content-security-policy"])
        .to.include("default-src 'none'")
        .and.include("script-src 'self'");
      expect(headers["content-security-policy"]).to.not.include("unsafe");
      expect(headers["x-content-type-options"]).to.equal("nosniff");
    });

    it("serves the client libraries itself", async () => {
      for (const path of ["/vendor/stompjs/index.js", "/vendor/sockjs-client/sockjs.min.js"]) {
        expect((await new Visitor(origin).get(path)).status, path).to.equal(200);
      }
    });

    it("serves what its import map names, which its policy lets stand in the page, and the contract", async () => {
      const visitor = new Visitor(origin);
      const { text, headers } = await visitor.get("/login");
      const [, map = ""] = /<script type="importmap">(.*?)<\/script>/.exec(text) ?? [];
      const hash = createHash("sha256").update(map).digest("base64");
      expect(headers["content-security-policy"]).to.include(`'sha256-${hash}'`);
      for (const path of [...Object.values<string>(JSON.parse(map).imports), "/chat-contract.js"]) {
        const { status, headers: served } = await visitor.get(path);
        expect(status, path).to.equal(200);
        expect(served["content-type"], path).to.match(/^(text|application)\/javascript/);
      }
    });

    it("keeps members, rooms and logins when it is closed and started again", async () => {
      const visitor = await memberNamed("Mina");
      await visitor.openRoom("Tea");
      const port = Number(new URL(origin).port);
      await chat.close();
      chat = await createChat({ databaseUrl: url, logger });
      await chat.listen(port, "127.0.0.1");

      expect((await visitor.get("/chat/rooms")).text)
        .to.include("Tea")
        .and.include("Mina");
    });

    it("answers 500 with a page and a line in the log when the database fails, and goes on", async () => {
      const visitor = await memberNamed("Mina");
      await database.schema.alterTable("chat_room").renameTo("elsewhere").execute();
      const answer = await visitor.get("/chat/rooms");
      await database.schema.alterTable("elsewhere").renameTo("chat_room").execute();

      expect(answer.status).to.equal(500);
      expect(answer.text).to.include("Something went wrong").and.not.include("chat_room");
      expect(logger.lines.at(-1)).to.include("chat_room");
      expect((await visitor.get("/chat/rooms")).status).to.equal(200);
    });
  });
});

async function emptyTables(database: ChatDatabase): Promise<void> {
  for (const table of ["chat_message", "chat_room", "member", "login_session"] as const) {
    await database.deleteFrom(table).execute();
  }
}

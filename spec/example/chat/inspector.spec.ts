import { expect } from "chai";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { openDatabase } from "../../../example/chat/database.js";
import { MemberRepository } from "../../../example/chat/member-repository.js";
import { newFile } from "../../support/databases.js";
import { recordingLogger } from "../../support/recording.js";
import { Visitor } from "./visitor.js";

describe("the chat's inspector, and its document", () => {
  let chat: Chat;
  let url: string;
  let origin: string;

  beforeEach(async () => {
    url = await newFile();
    chat = await createChat({ databaseUrl: url, logger: recordingLogger() });
    origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
  });

  afterEach(() => chat.close());

  it("is for the staff alone, shows no bodies, and says who may hear a room", async () => {
    const stranger = new Visitor(origin);
    expect((await stranger.get("/staff/inspector")).headers.location).to.equal("/login");
    expect((await stranger.get("/staff/inspector/api/overview")).status).to.equal(403);

    const mina = new Visitor(origin);
    await mina.signUp("Mina");
    expect((await mina.get("/staff/inspector/")).status).to.equal(403);
    expect((await stranger.get("/staff/asyncapi.json")).headers.location).to.equal("/login");
    expect((await mina.get("/staff/asyncapi.json")).status).to.equal(404);

    const database = await openDatabase(url);
    await new MemberRepository(database).setRole("Mina", "staff");
    await database.destroy();
    const page = await mina.get("/staff/inspector/");
    expect(page.status).to.equal(200);
    const { body: document } = await mina.get("/staff/asyncapi.json");
    expect(document.channels).to.have.property("pub.chat.staff.end");
    expect(page.text).to.include("page/main.js");
    const { body } = await mina.get("/staff/inspector/api/overview");
    expect(body.allowed).to.deep.equal(["look", "disconnect", "unsubscribe"]);

    const room = await mina.openRoom("Tea house");
    const rule = await mina.get(`/staff/inspector/api/rules?user=Mina&destination=/sub/chat/room/${room}`);
    expect(rule.body).to.include({ granted: true, asWhom: "user" });
    const none = await mina.get("/staff/inspector/api/rules?user=Mina&destination=/sub/chat/room/none");
    expect(none.body).to.include({ granted: false, reason: "There is no room at /sub/chat/room/none" });
  });
});

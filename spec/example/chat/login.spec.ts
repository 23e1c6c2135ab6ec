import { expect } from "chai";
import { type Chat, createChat } from "../../../example/chat/app.js";
import { newFile } from "../../support/databases.js";
import type { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { subscribe, Visitor } from "./visitor.js";

describe("a login of the chat", () => {
  let chat: Chat;
  let origin: string;
  let clients: RawClient[];

  beforeEach(async () => {
    clients = [];
    chat = await createChat({ databaseUrl: await newFile(), logger: recordingLogger() });
    origin = `http://127.0.0.1:${await chat.listen(0, "127.0.0.1")}`;
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    await chat.close();
  });

  async function connect(visitor: Visitor) {
    const client = await visitor.connect();
    clients.push(client);
    return client;
  }

  async function memberTwice() {
    const [desk, phone] = [new Visitor(origin), new Visitor(origin)];
    await desk.signUp("Mina");
    await phone.logIn("Mina");
    return { desk, phone };
  }

  it("cuts its connections when it is over, and not those of the user's other logins", async () => {
    const { desk, phone } = await memberTwice();
    const [one, two, other] = [await connect(desk), await connect(desk), await connect(phone)];
    await desk.logOut();

    for (const client of [one, two]) {
      expect(await client.frame()).to.include("message:You have logged out.\n");
      expect(await client.closed()).to.be.a("number");
    }
    other.send(subscribe("/user/queue/private"));
    expect(await other.synchronize()).to.deep.equal([]);
  });

  it("cuts its connections when somebody else logs in in its place", async () => {
    const { desk } = await memberTwice();
    await new Visitor(origin).signUp("Jun");
    const client = await connect(desk);
    const [, token] = /name="_csrf" value="([^"]+)"/.exec((await desk.get("/chat/rooms")).text) ?? [];
    await desk.postWithout("/login", { name: "Jun", password: "a long password", _csrf: token! });

    expect(await client.frame()).to.include("message:You have logged out.\n");
  });

  it("lets a handshake from before in no more once it is over", async () => {
    const { desk } = await memberTwice();
    const headers = await desk.connectHeaders();
    const client = await desk.handshake();
    clients.push(client);
    await desk.logOut();
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);

    expect(await client.frame())
      .to.match(/^ERROR\n/)
      .and.include("message:You have logged out.\n");
  });

  it("needs the token of its own session at CONNECT", async () => {
    const { desk, phone } = await memberTwice();
    for (const headers of ["", "X-CSRF-TOKEN:x\n", await phone.connectHeaders()]) {
      const client = await desk.handshake();
      clients.push(client);
      client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);

      expect(await client.frame()).to.include("message:The CSRF token is missing or wrong\n");
    }
    expect((await new Visitor(origin).get("/stomp/csrf")).status).to.equal(401);
  });
});

import { expect } from "chai";
import {
  Controller,
  DestinationVariable,
  Header,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { faultOf } from "../support/controllers.js";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";

class Greeting {
  name = "";

  getName() {
    return this.name;
  }
}

@Controller()
@MessageMapping("/c")
class SpringsController {
  @MessageMapping("/greet")
  greet(@Payload() text: string) {
    return `hello ${text}`;
  }

  @MessageMapping("/nothing")
  nothing(): void {}

  @MessageMapping("/null")
  async null(): Promise<null> {
    return null;
  }

  @MessageMapping("/both")
  @SendTo("/topic/one", "/topic/two")
  both() {
    return "both";
  }

  @MessageMapping("/touser")
  @SendToUser()
  toUser() {
    return "mine";
  }

  @MessageMapping("/tosession")
  @SendToUser("/queue/one", { broadcast: false })
  toSession() {
    return "only here";
  }

  @MessageMapping("/everywhere")
  @SendTo("/topic/everywhere")
  @SendToUser("/queue/everywhere")
  everywhere() {
    return "everywhere";
  }

  @MessageMapping("/v/{id}")
  @SendTo("/topic/v.{id}")
  variable(@DestinationVariable("id") id: number) {
    return id + 1;
  }

  @MessageMapping("/object")
  object(@Payload({ required: false }) greeting?: Greeting) {
    return { greeting: greeting?.name ?? "nobody" };
  }

  @MessageMapping("/bytes")
  bytes() {
    return Uint8Array.of(0xff, 0, 1);
  }

  @MessageMapping("/strict")
  strict(@Payload() greeting: Greeting) {
    return greeting.getName();
  }

  @MessageMapping("/collections")
  collections(@Payload() names: string[]) {
    return new Map([["names", new Set(names)]]);
  }

  @MessageMapping("/unwritable")
  unwritable() {
    return { later: Promise.resolve() };
  }

  @MessageMapping("/header")
  header(@Header("x", { defaultValue: "default" }) x: string) {
    return x;
  }

  @MessageMapping("/receipt")
  @SendTo("/topic/receipts")
  receipt(@Header("receipt") receipt: string) {
    return receipt;
  }

  @MessageMapping("/later")
  async later(@Payload() text: string) {
    await new Promise(setImmediate);
    return `later ${text}`;
  }

  @MessageMapping("/refused")
  async refused(@Payload() text: string) {
    await new Promise(setImmediate);
    throw new RangeError(text);
  }

  @MessageMapping("/unhandled")
  unhandled() {
    throw new TypeError("secret");
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors", { broadcast: false })
  handled(error: RangeError) {
    return `refused: ${error.message}`;
  }

  @SubscribeMapping("/init")
  init() {
    return "at first";
  }

  @SubscribeMapping("/announced")
  @SendTo("/topic/announced")
  announced() {
    return "somebody came";
  }

  @MessageMapping("/dup*")
  pattern() {
    return "the pattern";
  }

  @MessageMapping("/dupx")
  exact() {
    return "the exact one";
  }
}

describe("Spring's controllers, on the wire", () => {
  let server: TestServer;
  const sessions: StompSession[] = [];

  beforeEach(async () => {
    server = await startServer({
      controllers: [SpringsController],
      endpoints: [{ path: "/ws", user: () => ({ name: "joe" }) }],
    });
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  async function connect(...destinations: string[]): Promise<StompSession> {
    const session = await StompSession.connect(server.port);
    sessions.push(session);
    for (const destination of destinations) {
      session.send("SUBSCRIBE", { id: `to ${destination}`, destination, receipt: destination });
      await session.frame();
    }
    return session;
  }

  /** Destination, content type and body. */
  function shown({ headers, body }: ReadFrame): string {
    return [headers.get("destination"), headers.get("content-type"), body].join(" | ");
  }

  async function heard(session: StompSession): Promise<string[]> {
    return (await session.messages()).map(shown);
  }

  it("send a string to /topic and the destination, without the request's headers", async () => {
    const session = await connect("/topic/c/greet");
    session.send("SEND", { destination: "/app/c/greet", foo: "bar", receipt: "r" }, '"Rod"');

    const [message, receipt] = await session.messages();

    expect(shown(message!)).to.equal('/topic/c/greet | text/plain;charset=UTF-8 | hello "Rod"');
    expect([...message!.headers.keys()]).to.have.members([
      ...["destination", "content-type", "subscription", "message-id", "content-length"],
    ]);
    expect(receipt?.command).to.equal("RECEIPT");
  });

  it("send nothing when they return nothing, or null", async () => {
    const session = await connect("/topic/c/**");
    session.send("SEND", { destination: "/app/c/nothing" });
    session.send("SEND", { destination: "/app/c/null" });
    session.send("SEND", { destination: "/app/c/greet" }, "Rod");
    expect((await heard(session)).map((each) => each.split(" | ")[0])).to.deep.equal(["/topic/c/greet"]);
    expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
  });

  it("send to each destination of @SendTo", async () => {
    const session = await connect("/topic/one", "/topic/two");
    session.send("SEND", { destination: "/app/c/both" });
    const type = "text/plain;charset=UTF-8";
    expect(await heard(session)).to.deep.equal([
      `/topic/one | ${type} | both`,
      `/topic/two | ${type} | both`,
    ]);
  });

  it("send to all sessions of the user, or to the sender's alone", async () => {
    const destinations = ["/user/queue/c/touser", "/user/queue/one"] as const;
    const [session, other] = [await connect(...destinations), await connect(...destinations)];
    session.send("SEND", { destination: "/app/c/touser" });
    session.send("SEND", { destination: "/app/c/tosession" });

    const type = "text/plain;charset=UTF-8";
    const mine = `/user/queue/c/touser | ${type} | mine`;
    expect(await heard(session)).to.deep.equal([mine, `/user/queue/one | ${type} | only here`]);
    expect(await heard(other)).to.deep.equal([mine]);
  });

  it("send to the user first where @SendTo and @SendToUser are both", async () => {
    const session = await connect("/topic/everywhere", "/user/queue/everywhere");
    session.send("SEND", { destination: "/app/c/everywhere" });
    expect((await heard(session)).map((each) => each.split(" | ")[0])).to.deep.equal([
      "/user/queue/everywhere",
      "/topic/everywhere",
    ]);
  });

  it("put variables into @SendTo, and write a number as JSON", async () => {
    const session = await connect("/topic/v.7");
    session.send("SEND", { destination: "/app/c/v/7" });
    expect(await heard(session)).to.deep.equal(["/topic/v.7 | application/json | 8"]);
  });

  it("write an object as JSON, and bytes as they are", async () => {
    const session = await connect("/topic/c/object", "/topic/c/bytes");
    session.send("SEND", { destination: "/app/c/object" }, '{"name":"Rod"}');
    session.send("SEND", { destination: "/app/c/bytes" });
    const [object, bytes] = await session.messages();
    expect(shown(object!)).to.equal('/topic/c/object | application/json | {"greeting":"Rod"}');
    expect(bytes?.headers.get("content-type")).to.equal("application/octet-stream");
    expect(bytes?.headers.get("content-length")).to.equal("3");
  });

  it("are given instances of their classes", async () => {
    const session = await connect("/topic/c/strict");
    session.send("SEND", { destination: "/app/c/strict" }, '{"name":"Rod","getName":1,"constructor":1}');
    expect(await heard(session)).to.deep.equal(["/topic/c/strict | text/plain;charset=UTF-8 | Rod"]);
  });

  it("write Maps and Sets as objects and lists, to the user too, and what the template is given", async () => {
    const session = await connect("/topic/c/collections", "/topic/a", "/user/queue/a");
    session.send("SEND", { destination: "/app/c/collections" }, '["ann","bob","ann"]');
    const rooms = { rooms: new Map([["r1", new Set([1])]]) };
    await session.messages().then(([reply]) => expect(reply?.body).to.equal('{"names":["ann","bob"]}'));
    await server.messaging.template.convertAndSend("/topic/a", rooms);
    await server.messaging.template.convertAndSendToUser("joe", "/queue/a", rooms);
    const bodies = (await session.messages()).map(({ body }) => body);
    expect(bodies).to.deep.equal(Array(2).fill('{"rooms":{"r1":[1]}}'));
  });

  it("fail where JSON has no words for what they return", async () => {
    const session = await connect("/topic/c/unwritable");
    session.send("SEND", { destination: "/app/c/unwritable" });
    expect(await heard(session)).to.deep.equal([]);
    expect(server.log.join()).to.include("its later is of Promise, and would be {}: await it");
  });

  it("are sent text in the charset that the template was told, or it rejects", async () => {
    const session = await connect("/topic/a");
    const send = (charset: string) =>
      server.messaging.template.convertAndSend("/topic/a", "é한", {
        "content-type": `text/plain;charset=${charset}`,
      });
    await send("utf-16le");
    const [message] = await session.messages();
    expect(message?.headers.get("content-length")).to.equal("4");
    expect(String(await faultOf(() => send("iso-8859-1")))).to.include(
      'with "한" cannot be written in iso-8859-1',
    );
  });

  it("answer the subscriber of @SubscribeMapping alone, under the whole destination", async () => {
    const [session, other] = [await connect("/topic/announced"), await connect("/topic/announced")];
    session.send("SUBSCRIBE", { id: "init", destination: "/app/c/init" });
    session.send("SUBSCRIBE", { id: "announced", destination: "/app/c/announced" });

    const [init, announced] = await session.messages();
    expect(shown(init!)).to.equal("/app/c/init | text/plain;charset=UTF-8 | at first");
    expect(init?.headers.get("subscription")).to.equal("init");
    expect(announced?.headers.get("destination")).to.equal("/topic/announced");
    expect((await heard(other)).map((each) => each.split(" | ")[0])).to.deep.equal(["/topic/announced"]);
  });

  it("do not mix up SEND and SUBSCRIBE", async () => {
    const session = await connect("/topic/c/greet", "/topic/c/init");
    session.send("SEND", { destination: "/app/c/init" });
    expect(await heard(session)).to.deep.equal([]);
    expect(await session.refusal("SUBSCRIBE", { id: "greet", destination: "/app/c/greet" })).to.equal(
      "Nothing here serves /app/c/greet",
    );
  });

  it("read JSON without a content type, and no text as an object", async () => {
    const session = await connect("/topic/c/strict", "/topic/c/object");
    const faults: string[] = [];
    server.messaging.on("controllerError", ({ error }) => {
      faults.push(error.constructor.name);
    });

    session.send("SEND", { destination: "/app/c/strict" }, '{"name":"Rod"}');
    session.send("SEND", { destination: "/app/c/strict", "content-type": "text/plain" }, '{"name":"Rod"}');
    session.send("SEND", { destination: "/app/c/strict" }, "{");
    session.send("SEND", { destination: "/app/c/strict" });
    session.send("SEND", { destination: "/app/c/object" });

    expect(await heard(session)).to.deep.equal([
      "/topic/c/strict | text/plain;charset=UTF-8 | Rod",
      '/topic/c/object | application/json | {"greeting":"nobody"}',
    ]);
    expect(faults).to.deep.equal([
      "MessageConversionError",
      "MessageConversionError",
      "MethodArgumentNotValidError",
    ]);
  });

  it("answer errors by @MessageExceptionHandler, and say nothing of others", async () => {
    const session = await connect("/user/queue/errors", "/topic/c/later");
    session.send("SEND", { destination: "/app/c/refused" }, "too much");
    session.send("SEND", { destination: "/app/c/unhandled" });
    session.send("SEND", { destination: "/app/c/later" }, "on");
    expect((await heard(session)).map((each) => each.split(" | ")[2])).to.deep.equal([
      "refused: too much",
      "later on",
    ]);
  });

  it("have a header's default when it is absent or empty", async () => {
    const session = await connect("/topic/c/header");
    session.send("SEND", { destination: "/app/c/header" });
    session.send("SEND", { destination: "/app/c/header", x: "" });
    session.send("SEND", { destination: "/app/c/header", x: "given" });
    expect((await heard(session)).map((each) => each.split(" | ")[2])).to.deep.equal([
      "default",
      "default",
      "given",
    ]);
  });

  it("are given the receipt that the client wrote", async () => {
    const session = await connect("/topic/receipts");
    session.send("SEND", { destination: "/app/c/receipt", receipt: "r-1" });
    expect((await session.messages())[0]?.body).to.equal("r-1");
  });

  it("prefer the exact destination to a pattern", async () => {
    const session = await connect("/topic/c/dupx", "/topic/c/dupy");
    session.send("SEND", { destination: "/app/c/dupx" });
    session.send("SEND", { destination: "/app/c/dupy" });
    expect((await heard(session)).map((each) => each.split(" | ")[2])).to.deep.equal([
      "the exact one",
      "the pattern",
    ]);
  });
});

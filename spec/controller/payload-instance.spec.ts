import { expect } from "chai";
import { type MessageConverter, MessageMapping, Payload, type PayloadValidator } from "express-stomp";
import { z } from "zod";
import { faultOf, Recording, withControllers } from "../support/controllers.js";

class Sender {
  declare readonly name: string;
}

class ChatMessage {
  text = "(nothing)";
  declare readonly roomId: string;
  declare readonly from: Sender;
  role = "guest";
  #note = "";

  getText() {
    return this.text;
  }

  get isAdmin() {
    return this.role === "admin";
  }

  set note(value: string) {
    this.#note = `«${value}»`;
  }

  get note() {
    return this.#note;
  }

  readonly shout = () => this.text.toUpperCase();
}

class PrivateMessage extends ChatMessage {
  declare readonly to: string;
}

class Order {
  constructor(readonly item: string) {}

  getItem() {
    return this.item;
  }
}

class LateOrder extends Order {}

class Optional {
  name: string;
  constructor(name = "nobody") {
    this.name = name;
  }
}

class Failing {
  constructor() {
    throw new RangeError("not today");
  }
}

class Messages extends Recording {
  @MessageMapping("/message")
  message(message: ChatMessage) {
    this.record(message);
  }

  @MessageMapping("/decorated")
  decorated(@Payload({ required: false }) message?: PrivateMessage) {
    this.record(message);
  }

  @MessageMapping("/schema")
  schema(@Payload(z.object({ text: z.string() })) message: ChatMessage | { text: string }) {
    this.record(message);
  }

  @MessageMapping("/order")
  order(@Payload() order: Order) {
    this.record(order);
  }

  @MessageMapping("/late")
  late(@Payload() order: LateOrder) {
    this.record(order);
  }

  @MessageMapping("/default")
  default(@Payload() optional: Optional) {
    this.record(optional);
  }

  @MessageMapping("/failing")
  failing(@Payload() failing: Failing) {
    this.record(failing);
  }

  @MessageMapping("/list")
  list(@Payload() messages: ChatMessage[]) {
    this.record(messages);
  }

  @MessageMapping("/map")
  map(@Payload() map: Map<string, number>) {
    this.record(map);
  }

  @MessageMapping("/set")
  set(set: Set<number>) {
    this.record(set);
  }

  @MessageMapping("/date")
  date(@Payload() date: Date) {
    this.record(date);
  }
}

describe("A payload whose parameter names a class", () => {
  async function received(destination: string, body: string, validator?: PayloadValidator) {
    const controller = new Messages();
    await withControllers(controller, validator && { validator }).send(destination, body);
    return controller.calls.at(-1)?.[0];
  }

  it("is an instance of it, with the fields that came, in place of its own", async () => {
    const message = (await received("/app/message", '{"text":"hi","roomId":"r1"}')) as ChatMessage;
    expect(message).to.be.instanceOf(ChatMessage);
    expect([message.getText(), message.roomId, message.shout()]).to.deep.equal(["hi", "r1", "HI"]);
    expect(((await received("/app/message", "{}")) as ChatMessage).getText()).to.equal("(nothing)");
  });

  it("may be of a class that extends another, and may be left out where it is not required", async () => {
    const message = (await received("/app/decorated", '{"text":"hi","to":"bob"}')) as PrivateMessage;
    expect(message).to.be.instanceOf(PrivateMessage);
    expect([message.getText(), message.to]).to.deep.equal(["hi", "bob"]);
    expect(await received("/app/decorated", "")).to.equal(undefined);
  });

  it("keeps what the class answers for itself: methods, functions as fields, accessors without a setter", async () => {
    const body =
      '{"text":"hi","getText":1,"shout":1,"isAdmin":true,"toString":1,"hasOwnProperty":1,"note":"n"}';
    const message = (await received("/app/message", body)) as ChatMessage;
    expect([message.getText(), message.shout(), message.isAdmin, message.note]).to.deep.equal([
      ...["hi", "HI", false, "«n»"],
    ]);
    expect(Object.keys(message)).to.have.members(["text", "role", "shout"]);
  });

  it("has no field named __proto__, constructor or prototype", async () => {
    const body = '{"__proto__":{"evil":1},"constructor":{"name":"Evil"},"prototype":1,"text":"hi"}';
    const message = (await received("/app/message", body)) as ChatMessage & { evil?: unknown };
    expect(Object.getPrototypeOf(message)).to.equal(ChatMessage.prototype);
    expect(message.evil).to.equal(undefined);
    expect(message.constructor).to.equal(ChatMessage);
    expect(Object.keys(message)).to.have.members(["text", "role", "shout"]);
  });

  it("is not checked, and has plain objects in it", async () => {
    const message = (await received(
      "/app/message",
      '{"text":7,"more":1,"from":{"name":"ann"}}',
    )) as ChatMessage;
    expect(message).to.include({ text: 7, more: 1 });
    expect(message.from).to.deep.equal({ name: "ann" }).and.not.be.instanceOf(Sender);
    const list = (await received("/app/list", '[{"text":"hi"}]')) as unknown[];
    expect(list).to.deep.equal([{ text: "hi" }]);
  });

  it("stays plain where the constructor, or one it extends, asks for something", async () => {
    for (const destination of ["/app/order", "/app/late"]) {
      const order = await received(destination, '{"item":"tea"}');
      expect(order).to.deep.equal({ item: "tea" }).and.not.be.instanceOf(Order);
    }
    expect(await received("/app/default", '{"a":1}'))
      .to.be.instanceOf(Optional)
      .and.include({ name: "nobody", a: 1 });
  });

  it("fails with what the constructor throws", async () => {
    const fault = await faultOf(() => received("/app/failing", "{}"));
    expect(fault).to.have.property("cause").that.is.instanceOf(RangeError);
    expect(fault).to.have.property("publicMessage", undefined);
  });

  it("is what a schema or the validator makes of it, who are given what came", async () => {
    const schema = await received("/app/schema", '{"text":"hi","more":1}');
    expect(schema).to.deep.equal({ text: "hi" }).and.not.be.instanceOf(ChatMessage);

    const given: unknown[] = [];
    const validator: PayloadValidator = { validate: (value, type) => given.push([value, type]) && "checked" };
    expect(await received("/app/message", '{"text":"hi"}', validator)).to.equal("checked");
    expect(given).to.deep.equal([[{ text: "hi" }, ChatMessage]]);
  });

  it("is what a converter of the application's own made, if that is of a class already", async () => {
    const controller = new Messages();
    const sender = Object.assign(new Sender(), { name: "ann" });
    const converter: MessageConverter = { fromMessage: () => sender, toPayload: () => undefined };
    await withControllers(controller, { messageConverters: [converter] }).send("/app/message", "{}");
    expect(controller.calls).to.deep.equal([[sender]]);
  });

  it("is a Map of an object, and a Set of a list", async () => {
    const map = await received("/app/map", '{"a":1,"__proto__":2}');
    expect(map).to.deep.equal(
      new Map([
        ["a", 1],
        ["__proto__", 2],
      ]),
    );
    expect(await received("/app/set", "[1,2,2]")).to.deep.equal(new Set([1, 2]));
  });

  it("is refused where a class that is built in is something else", async () => {
    const misfits = { "/app/map": "[]", "/app/set": "{}", "/app/date": "{}" };
    for (const [destination, body] of Object.entries(misfits)) {
      const fault = await faultOf(() => received(destination, body));
      expect(fault)
        .to.have.property("publicMessage")
        .that.matches(/^Cannot convert object to (Map|Set|Date)$/);
    }
  });
});

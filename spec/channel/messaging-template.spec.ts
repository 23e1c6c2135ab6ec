import { expect } from "chai";
import {
  AccessDeniedError,
  createMessage,
  type Message,
  MessageConversionError,
  MessageDeliveryError,
  NativeHeaders,
  SimpMessagingTemplate,
  withHeaders,
} from "express-stomp";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { recordingChannel, settled } from "../support/recording.js";

/** What a promise rejects with. */
async function rejection(promise: Promise<void>): Promise<MessageDeliveryError> {
  try {
    await promise;
  } catch (error) {
    return error as MessageDeliveryError;
  }
  throw new Error("was expected to reject");
}

describe("SimpMessagingTemplate", () => {
  function start() {
    const { channel, messages } = recordingChannel("brokerChannel");
    const template = new SimpMessagingTemplate(channel, new CompositeMessageConverter());
    return { channel, messages, template };
  }

  for (const [what, value, contentType, text] of [
    ["a string", "안녕", "text/plain;charset=UTF-8", "안녕"],
    ["bytes", Buffer.from("b"), "application/octet-stream", "b"],
    ["an object", { a: [1] }, "application/json", '{"a":[1]}'],
    ["null", null, "application/json", "null"],
  ] as const) {
    it(`sends ${what} as ${contentType}`, async () => {
      const { template, messages } = start();

      await template.convertAndSend("/topic/a", value);

      expect(messages[0]?.headers).to.include({
        destination: "/topic/a",
        contentType,
        messageType: "MESSAGE",
      });
      expect(Buffer.from(messages[0]?.payload ?? []).toString()).to.equal(text);
    });
  }

  it("writes headers as text, leaves out what is not there, and lets content-type decide", async () => {
    const { template, messages } = start();

    await template.convertAndSend("/topic/a", "<p>", { n: 1, none: undefined, "content-type": "text/html" });

    expect([...(messages[0]?.headers.native ?? [])]).to.deep.equal([["n", "1"]]);
    expect(messages[0]?.headers.contentType).to.equal("text/html");
  });

  it("sends what a post-processor makes of the message, with headers and without", async () => {
    const { template, messages } = start();
    const elsewhere = (message: Message) => withHeaders(message, { destination: "/topic/b" });

    await template.convertAndSend("/topic/a", "x", elsewhere);
    await template.convertAndSend("/topic/a", "x", { n: 1 }, elsewhere);
    await template.convertAndSendToUser("joe", "/queue/x", "x", { n: 2 }, elsewhere);
    await template.convertAndSendToUser("joe", "/queue/x", "x", NativeHeaders.of({ n: 3 }), elsewhere);

    expect(messages.map(({ headers }) => [headers.destination, headers.native.get("n")])).to.deep.equal([
      ["/topic/b", undefined],
      ["/topic/b", "1"],
      ["/topic/b", "2"],
      ["/topic/b", "3"],
    ]);
  });

  it("sends to its default destination what names none, a string too", async () => {
    const { template, messages } = start();
    template.defaultDestination = "/topic/news";

    await template.convertAndSend("/topic/b");
    await template.send(createMessage(Buffer.from("x")));
    await template.send("/topic/a", createMessage(Buffer.from("x")));

    expect(messages.map(({ headers }) => headers.destination)).to.deep.equal([
      "/topic/news",
      "/topic/news",
      "/topic/a",
    ]);
    expect(Buffer.from(messages[0]?.payload ?? []).toString()).to.equal("/topic/b");
  });

  it("rejects a message without a destination, and one that cannot be written", async () => {
    const { template, messages } = start();

    expect((await rejection(template.convertAndSend("x"))).message).to.equal(
      "A message to send has no destination",
    );
    expect(await rejection(template.convertAndSend("", "x"))).to.be.instanceOf(MessageDeliveryError);
    expect(await rejection(template.convertAndSend("/topic/a", 1n))).to.be.instanceOf(MessageConversionError);
    expect(messages).to.deep.equal([]);
  });

  it("rejects with the refusal of an interceptor, and tells of one that stopped the message", async () => {
    const { channel, template } = start();
    const refusal = new AccessDeniedError("Closed today");
    channel.addInterceptor({
      preSend(message) {
        if (message.headers.destination === "/topic/a") throw refusal;
        return null;
      },
    });

    expect(await rejection(template.convertAndSend("/topic/a", "x"))).to.equal(refusal);
    const stopped = await rejection(template.convertAndSend("/topic/b", "x"));
    expect(stopped).to.be.instanceOf(MessageDeliveryError);
    expect(stopped.message).to.equal("An interceptor stopped the message to /topic/b");
  });

  it("resolves when the channel's handlers are done", async () => {
    const { channel, template } = start();
    const steps: string[] = [];
    channel.subscribe({
      async handle() {
        await settled();
        steps.push("handled");
      },
    });

    await template.convertAndSend("/topic/a", "x");
    steps.push("resolved");

    expect(steps).to.deep.equal(["handled", "resolved"]);
  });
});

describe("SimpMessagingTemplate.convertAndSendToUser", () => {
  const { channel, messages } = recordingChannel("brokerChannel");
  const template = new SimpMessagingTemplate(channel, new CompositeMessageConverter());
  const last = () => messages.at(-1)!.headers;

  it("sends to the destination of that user, with the name escaped", async () => {
    await template.convertAndSendToUser("jo/e 100%", "queue/x", { a: 1 }, { colour: "red" });

    expect(last().destination).to.equal("/user/jo%2Fe 100%25/queue/x");
    expect(last().contentType).to.equal("application/json");
    expect([...last().native]).to.deep.equal([["colour", "red"]]);
    expect(last().privateTo).to.equal(undefined);
  });

  it("makes the header sessionId the session that is meant, and tells subscribers nothing of it", async () => {
    await template.convertAndSendToUser("joe", "/queue/x", "a", { sessionId: "s1", colour: "red" });

    expect(last().privateTo).to.equal("s1");
    expect([...last().native]).to.deep.equal([["colour", "red"]]);
  });

  it("takes native headers as they are, and a content type", async () => {
    const headers = NativeHeaders.of({ sessionId: "mine", "content-type": "text/html" });
    await template.convertAndSendToUser("joe", "/queue/x", "<p>", headers);

    expect(last().privateTo).to.equal(undefined);
    expect(last().contentType).to.equal("text/html");
    expect([...last().native]).to.deep.equal([["sessionId", "mine"]]);
  });
});

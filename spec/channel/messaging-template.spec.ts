import { expect } from "chai";
import { NativeHeaders, SimpMessagingTemplate } from "express-stomp";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { recordingChannel } from "../support/recording.js";

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

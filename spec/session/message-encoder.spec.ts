import { expect } from "chai";
import { Delivery } from "#lib/message/delivery.js";
import { createMessage, type Message, type MessageHeaders } from "#lib/message/message.js";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { settled } from "../support/recording.js";
import { wire, wireText } from "../support/wire.js";

function publication(payload: string | Uint8Array, headers: Partial<MessageHeaders> = {}) {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  return createMessage<Uint8Array>(bytes, { destination: "/topic/a", messageId: "m-1", ...headers });
}

function delivery(message: Message, sessionId: string, id: string, ackId?: string): Delivery {
  return new Delivery(message, { sessionId, id, gone: false }, ackId);
}

describe("MessageEncoder", () => {
  const encoder = new MessageEncoder();

  it("writes a MESSAGE", () => {
    const native = NativeHeaders.of({ color: "blue:green", "content-length": "99", ack: "x", receipt: "r" });
    const message = publication("hé", { contentType: "text/plain", native });

    expect(wireText(encoder.encode(delivery(message, "s", "sub-0"), "1.2").bytes)).to.equal(
      wireText(wire`
        MESSAGE
        destination:/topic/a
        content-type:text/plain
        color:blue\cgreen
        subscription:sub-0
        message-id:m-1
        content-length:3

        hé^@
      `),
    );
  });

  it("writes a message that an interceptor has made anew", () => {
    const message = publication("x", { subscriptionId: "7" });

    expect(wireText(encoder.encode(message, "1.2").bytes)).to.equal(
      "MESSAGE\ndestination:/topic/a\nsubscription:7\nmessage-id:m-1\ncontent-length:1\n\nx^@",
    );
  });

  it("writes UTF-8, whatever stands in headers and id", () => {
    const native = NativeHeaders.of({ 이름: "값 😀" });
    const message = publication("본문", { destination: "/topic/방", native });

    expect(wireText(encoder.encode(delivery(message, "s", "구독"), "1.2").bytes)).to.equal(
      "MESSAGE\ndestination:/topic/방\n이름:값 😀\nsubscription:구독\nmessage-id:m-1\ncontent-length:6\n\n본문^@",
    );
  });

  for (const [version, id] of [
    ["1.0", "a:b\\"],
    ["1.1", "a\\cb\\\\"],
    ["1.2", "a\\cb\\\\"],
  ] as const) {
    it(`escapes a subscription id as ${version} does`, () => {
      const message = publication("x");
      encoder.encode(delivery(message, "s", "other"), version);

      expect(wireText(encoder.encode(delivery(message, "s", "a:b\\"), version).bytes)).to.include(
        `\nsubscription:${id}\nmessage-id:m-1\n`,
      );
    });
  }

  for (const [version, line] of [
    ["1.1", ""],
    ["1.2", "ack:ack-1\n"],
  ] as const) {
    it(`asks for an acknowledgement as ${version} does`, () => {
      const message = publication("x");

      expect(wireText(encoder.encode(delivery(message, "s", "1", "ack-1"), version).bytes)).to.equal(
        `MESSAGE\ndestination:/topic/a\nsubscription:1\n${line}message-id:m-1\ncontent-length:1\n\nx^@`,
      );
      const other = encoder.encode(delivery(message, "t", "1", "ack-2"), version);
      expect(wireText(other.bytes)).to.not.include("ack-1");
      expect(wireText(encoder.encode(delivery(message, "t", "1"), version).bytes)).to.not.include("ack-");
    });
  }

  it("sends as binary what is no UTF-8, or says that it is binary", () => {
    const binary = (payload: Uint8Array | string, contentType?: string) =>
      encoder.encode(delivery(publication(payload, { contentType }), "s", "1"), "1.2").binary;

    expect(binary(new Uint8Array([255, 0]))).to.equal(true);
    expect(binary("text", "application/octet-stream")).to.equal(true);
    expect(binary("text")).to.equal(false);
    expect(binary("", "application/octet-stream")).to.equal(false);
  });

  it("keeps every byte of a payload", () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i);
    const encoded = encoder.encode(delivery(publication(bytes), "s", "1"), "1.2").bytes;

    expect(Buffer.from(encoded.subarray(-513, -1))).to.deep.equal(Buffer.from(bytes));
  });

  describe("when one publication goes to many", () => {
    it("gives the same message to those of the same id and version, and to nobody else", () => {
      const message = publication("x");
      const first = encoder.encode(delivery(message, "s", "1"), "1.2");

      expect(encoder.encode(delivery(message, "t", "1"), "1.2")).to.equal(first);
      expect(encoder.encode(delivery(message, "t", "2"), "1.2")).to.not.equal(first);
      expect(encoder.encode(delivery(message, "t", "1"), "1.1")).to.not.equal(first);
      expect(encoder.encode(delivery(publication("x"), "t", "1"), "1.2")).to.not.equal(first);
    });

    it("remembers it no longer than the turn", async () => {
      const message = publication("x");
      const first = encoder.encode(delivery(message, "s", "1"), "1.2");
      await settled();

      expect(encoder.encode(delivery(message, "s", "1"), "1.2")).to.not.equal(first);
    });
  });
});

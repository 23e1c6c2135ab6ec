import { expect } from "chai";
import { octetsOf, textOfOctets, utf8 } from "#lib/message/octets.js";
import { closeFrame, jsonTextOf, messageFrame } from "#lib/socket/sockjs/sock-js-frame.js";

describe("A SockJS frame", () => {
  it("escapes what JSON may leave and something on the way may mangle", () => {
    const text = "\0 \u200c \u2028 \u202f \u2060 \uffff 😀 한";
    const frame = textOfOctets(messageFrame([jsonTextOf(utf8(text))]));

    expect(frame).to.match(/^a\["[\x20-\x7e한]*"\]$/);
    expect(JSON.parse(frame.slice(1))).to.deep.equal([text]);
  });

  it("has a mark in place of bytes that are no text", () => {
    expect(jsonTextOf(octetsOf(Uint8Array.of(0x61, 0xff, 0x62)))).to.equal("a\\ufffdb");
  });

  it("carries several messages, in order", () => {
    const messages = ["one", 'tw"o', ""].map((text) => jsonTextOf(utf8(text)));
    expect(messageFrame(messages)).to.equal('a["one","tw\\"o",""]');
  });

  it("tells why it is the last", () => {
    expect(closeFrame(3000, "Go\u2028away!")).to.equal('c[3000,"Go\\u2028away!"]');
  });
});

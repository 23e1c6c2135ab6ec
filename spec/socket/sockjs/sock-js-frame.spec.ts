import { expect } from "chai";
import { closeFrame, messageFrame } from "#lib/socket/sockjs/sock-js-frame.js";

describe("A SockJS frame", () => {
  it("escapes what JSON may leave and something on the way may mangle", () => {
    const text = "\0 \u200c \u2028 \u202f \u2060 \uffff 😀 \ud83d 한";
    const frame = messageFrame([text]);

    expect(frame).to.match(/^a\["[\x20-\x7e한]*"\]$/);
    expect(JSON.parse(frame.slice(1))).to.deep.equal([text]);
  });

  it("carries several messages, in order", () => {
    expect(messageFrame(["one", 'tw"o', ""])).to.equal('a["one","tw\\"o",""]');
  });

  it("tells why it is the last", () => {
    expect(closeFrame(3000, "Go\u2028away!")).to.equal('c[3000,"Go\\u2028away!"]');
  });
});

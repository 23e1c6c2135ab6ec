import { expect } from "chai";
import { type ChannelInterceptor, withHeaders } from "express-stomp";
import type { RawClient } from "../../support/raw-client.js";
import { RelayStage } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";

/** With the headers that every MESSAGE has here, in an order that is not ours. */
const message = (more = "", body = "hello") =>
  `MESSAGE\nsubscription:0\nmessage-id:7\ndestination:/topic/a\n${more}content-length:${body.length}\n\n${body}^@`;

describe("A MESSAGE of the broker over a client's own connection", () => {
  let stage: RelayStage;
  let client: RawClient;
  let line: ScriptedLine;

  async function start(version = "1.2", interceptors: ChannelInterceptor[] = []) {
    stage = await RelayStage.open({ server: { clientOutboundChannel: { interceptors } } });
    await stage.system();
    client = await stage.open();
    client.send(`CONNECT\naccept-version:${version}\nhost:x\n\n^@`);
    line = await stage.broker.line();
    await line.until("CONNECT");
    await client.frame();
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:there\n\n^@");
    await client.frame();
  }

  async function given(frame: string): Promise<string> {
    line.raw(frame);
    return client.frame();
  }

  afterEach(() => stage.close());

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`goes on as it came, in STOMP ${version}`, async () => {
      await start(version);
      const frame = message("persistent:1\nfoo:bar \ncontent-type:text/plain\n");
      expect(await given(frame)).to.equal(frame);
      expect(await given(`\n\n${message("", "")}`)).to.equal(message("", ""));
    });
  }

  it("goes on as it came with the name that it is acknowledged by", async () => {
    await start();
    expect(await given(message("ack:T_1\n"))).to.equal(message("ack:T_1\n"));
  });

  it("goes on in order, whole or in pieces, beside those that are written anew", async () => {
    await start();
    const frames = ["a", "b", "c", "d"].map((body, i) => message(i % 2 ? "foo:x:y\n" : "", body));
    const bytes = frames.join("");
    line.raw(bytes.slice(0, 150));
    line.raw(bytes.slice(150));
    for (const body of ["a", "b", "c", "d"])
      expect(await client.frame()).to.match(new RegExp(`\n\n${body}\\^@$`));
  });

  const anew = "MESSAGE\ndestination:/topic/a\nsubscription:0\nmessage-id:7\ncontent-length:5\n\nhello^@";

  it("loses what only we say, and what else speaks of the frame, under any name that a client would trim", async () => {
    await start();
    for (const header of ["unsubscribed:gone", "recovered :true", "receipt:1", " ack:2", "subscription :1"])
      expect(await given(message(`${header}\n`)), header).to.equal(anew);
  });

  it("has each header of a frame once", async () => {
    await start();
    expect(await given(message("subscription:1\nmessage-id:8\n"))).to.equal(anew);
    expect(await given(anew.replace("content-length:5\n", ""))).to.equal(anew);
  });

  it("has escapes as its version has", async () => {
    await start();
    const escaped = anew.replace("subscription", "foo:x\\cy\nsubscription");
    expect(await given(message("foo:x:y\n"))).to.equal(escaped);
    expect(await given(message("foo:x\\cy\n"))).to.equal(escaped);
    expect(await given(message().replaceAll("\n", "\r\n"))).to.equal(anew);
  });

  it("has no ack before STOMP 1.2", async () => {
    await start("1.1");
    expect(await given(message("ack:T_1\n"))).to.equal(anew);
  });

  it("is written as an interceptor made it", async () => {
    const seen: unknown[] = [];
    await start("1.2", [
      {
        preSend: (passing) => {
          const { destination, subscriptionId, messageId, native } = passing.headers;
          if (messageId !== undefined) seen.push([destination, subscriptionId, messageId, native.get("foo")]);
          return messageId === undefined ? passing : withHeaders(passing, { messageId: "8" });
        },
      },
    ]);
    expect(await given(message("foo:bar\n"))).to.include("\nmessage-id:8\n");
    expect(seen).to.deep.equal([["/topic/a", "0", "7", "bar"]]);
  });
});

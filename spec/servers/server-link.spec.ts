import { expect } from "chai";
import { BrokerNotAvailableError, MessageDeliveryError } from "express-stomp";
import { createMessage } from "#lib/message/message.js";
import { encodeEnvelope } from "#lib/servers/envelope.js";
import { Seal, serversKey, VERSION } from "#lib/servers/seal.js";
import { DESTINATION, EXPIRATION, KEY, LinkStage } from "../support/link-stage.js";

/** Longer than anybody waits for greetings. */
const LONG = 6_000;

describe("ServerLink", () => {
  let hub: LinkStage["hub"];
  let time: LinkStage["time"];
  let links: LinkStage["links"];
  let open: LinkStage["open"];
  let greeted: LinkStage["greeted"];
  let replay: LinkStage["replay"];
  let sentBy: LinkStage["sentBy"];

  beforeEach(() => {
    ({ hub, time, links, open, greeted, replay, sentBy } = new LinkStage());
  });

  it("takes what one server says to all others, once and in order", async () => {
    const [alice, bob, carol] = await greeted(3);
    for (const text of ["one", "two", "three"]) await alice!.link.say(text, Buffer.from(text));
    for (const other of [bob, carol])
      expect(other!.said).to.deep.equal(["one=one", "two=two", "three=three"]);
    expect(alice!.said).to.deep.equal([]);
  });

  it("gets to know a server that comes later", async () => {
    const [alice, bob] = await greeted(2);
    const carol = open();
    await time.pass(1000);
    expect(carol.told).to.include.members([`alive ${alice!.link.id}`, `alive ${bob!.link.id}`]);
    expect(alice!.told).to.include(`alive ${carol.link.id}`);
    await alice!.link.say("hello");
    expect(carol.said).to.deep.equal(["hello="]);
  });

  it("rejects what the broker does not take", async () => {
    const [alice] = await greeted(2);
    alice!.line.cut();
    const error = await alice!.link.say("lost").catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BrokerNotAvailableError);
  });

  it("marks all it sends, so that no client is given it", async () => {
    const [alice] = await greeted(2);
    await alice!.link.say("hello");
    await alice!.link.close();
    expect(hub.sent.every(({ headers }) => headers.native.has("express-stomp-servers-only"))).to.equal(true);
  });

  it("says nothing any more when it is closed", async () => {
    const [alice, bob] = await greeted(3);
    const waiting = open();
    const held = waiting.link.say("too late").catch((thrown: unknown) => thrown);
    await waiting.link.close();
    expect(await held).to.be.instanceOf(BrokerNotAvailableError);

    await alice!.link.close();
    const sent = sentBy(alice!);
    await time.pass(2 * EXPIRATION);
    expect(sentBy(alice!)).to.equal(sent);
    expect(bob!.told.filter((told) => told === `left ${alice!.link.id}`)).to.have.length(1);
  });

  describe("of others", () => {
    it("hears nobody with another secret, and says so once", async () => {
      const [alice] = await greeted(2);
      const stranger = open({ key: serversKey("the secret of somebody else") });
      await time.pass(LONG);
      await stranger.link.say("hello");
      expect(alice!.said).to.deep.equal([]);
      expect(alice!.warnings).to.deep.equal([
        "warn Another sender uses /topic/servers, or a server with another secret. It is not heard.",
      ]);
    });

    it("does not hear what anybody else sends, whatever it is", async () => {
      const [alice] = await greeted(2);
      for (const payload of [
        Buffer.alloc(0),
        Buffer.from("{}"),
        Buffer.alloc(40),
        Buffer.alloc(100_000, 1),
      ]) {
        await hub.send(createMessage(payload, { destination: DESTINATION }));
      }
      expect(alice!.said).to.deep.equal([]);
      expect(alice!.warnings).to.have.length(2);
    });

    it("does not hear a server of another version, and says so once", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("hello");
      const sealed = Buffer.from(hub.sent.at(-1)!.payload);
      expect(sealed[0]).to.equal(VERSION);
      for (const version of [VERSION + 1, VERSION + 2]) {
        sealed[0] = version;
        await hub.send(createMessage(sealed, { destination: DESTINATION }));
      }
      expect(bob!.said).to.deep.equal(["hello="]);
      expect(bob!.warnings).to.deep.equal([
        "warn Another sender uses /topic/servers, or a server of another version. It is not heard.",
      ]);
    });

    it("passes over what a later release says in the same version, once with a line in the log", async () => {
      const [alice] = await greeted(2);
      const seal = new Seal(KEY, DESTINATION);
      const say = (envelope: object) =>
        hub.send(
          createMessage(seal.close(encodeEnvelope(envelope, Buffer.alloc(0))), { destination: DESTINATION }),
        );
      await say({ greeting: { hears: { [alice!.link.id]: 1 }, sees: [], asks: false, takes: 1e6, more: 1 } });
      for (let i = 0; i < 2; i++) await say({ later: true });
      await say({ content: "and this" });
      expect(alice!.said).to.deep.equal(["and this="]);
      expect(alice!.warnings).to.deep.equal([
        "warn A server says at /topic/servers what this release does not know. It is not heard.",
      ]);
    });
  });

  describe("of a recording", () => {
    it("hears nothing", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("once");
      await replay(hub.sent);
      expect(bob!.said).to.deep.equal(["once="]);
    });

    it("hears nothing of a server that has gone, nor thinks that it is back", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("once");
      await alice!.link.close();
      expect(bob!.told.at(-1)).to.equal(`left ${alice!.link.id}`);
      const told = bob!.told.length;
      await replay(hub.sent);
      expect(bob!.told.slice(told)).to.deep.equal([]);
      expect(bob!.said).to.deep.equal(["once="]);
    });

    it("hears nothing when it is new itself", async () => {
      const [alice] = await greeted(2);
      await alice!.link.say("of old");
      await Promise.all(links.map(({ link }) => link.close()));
      const recordings = [...hub.sent];

      const [carol] = await greeted(2);
      await replay(recordings);
      await time.pass(LONG);
      expect(carol!.said).to.deep.equal([]);
      expect(carol!.told).to.not.include(`alive ${alice!.link.id}`);
    });
  });

  describe("when something is lost", () => {
    it("tells it with the next thing that comes", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      for (const lost of ["one", "two"]) await alice!.link.say(lost);
      hub.loses = () => false;
      await alice!.link.say("there");
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
      expect(bob!.link.stats).to.deep.equal({ known: 1, missed: 2 });
      expect(alice!.link.stats).to.deep.equal({ known: 1, missed: 0 });
      expect(bob!.said).to.deep.equal(["there="]);
    });

    it("tells it with the next sign of life, if nothing else comes", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      await alice!.link.say("lost");
      hub.loses = () => false;
      await time.pass(EXPIRATION / 2);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
    });

    it("tells it, when it waited for greetings and was refused", async () => {
      const [alice, bob] = await greeted(2);
      alice!.line.cut();
      alice!.line.restore();
      const waiting = alice!.link.say("refused").catch((thrown: unknown) => thrown);
      alice!.line.cut();
      expect(await waiting).to.be.instanceOf(BrokerNotAvailableError);
      alice!.line.restore();
      await time.pass(1000);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
      expect(bob!.said).to.deep.equal([]);
    });

    it("tells it, when it was refused to who said it", async () => {
      const [alice, bob] = await greeted(2);
      alice!.line.cut();
      await alice!.link.say("refused").catch(() => {});
      alice!.line.restore();
      await time.pass(1000);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
    });
  });

  describe("when a server says nothing", () => {
    it("forgets it, and knows it again when it speaks", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      await time.pass(1.5 * EXPIRATION);
      expect(bob!.told).to.include(`left ${alice!.link.id}`);
      expect(alice!.told).to.include(`left ${bob!.link.id}`);
      hub.loses = () => false;
      bob!.told.length = 0;
      await time.pass(EXPIRATION);
      expect(bob!.told).to.include(`alive ${alice!.link.id}`);
    });

    it("knows it again a moment after it has spoken, if only the one way was lost", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = (_, to) => to === bob!.line;
      await time.pass(1.3 * EXPIRATION);
      expect(bob!.told).to.include(`left ${alice!.link.id}`);
      hub.loses = () => false;
      await alice!.link.say("to nobody who knows me");
      await time.pass(200);
      await alice!.link.say("here I am");
      expect(bob!.said).to.deep.equal(["here I am="]);
    });

    it("knows it as long as it gives signs of life", async () => {
      const [alice, bob] = await greeted(2);
      bob!.told.length = 0;
      await time.pass(5 * EXPIRATION);
      expect(bob!.told.filter((told) => told === `alive ${alice!.link.id}`)).to.have.length.within(8, 12);
      expect(bob!.told).to.not.include(`left ${alice!.link.id}`);
    });
  });

  describe("with something long", () => {
    it("takes what fits into a message of the broker, and refuses one byte more at once", async () => {
      const [alice, bob] = await greeted(2);
      const room = alice!.link.sizeLimit - '0000{"content":""}'.length;
      await alice!.link.say("", Buffer.alloc(room));
      expect(bob!.said).to.have.length(1);
      expect(hub.sent.at(-1)!.payload.length).to.be.within(1_040_000, 1_048_000);
      expect(() => alice!.link.say("", Buffer.alloc(room + 1))).to.throw(
        MessageDeliveryError,
        "and they take 10474",
      );
      expect(bob!.told).to.not.include(`missed ${alice!.link.id}`);
    });

    it("says no more than the one takes who takes the least", async () => {
      const [alice] = await greeted(2);
      const carol = open({ messageSizeLimit: 100_000 });
      await time.pass(1000);
      expect(() => alice!.link.say("", Buffer.alloc(100_000))).to.throw(MessageDeliveryError);
      await carol.link.close();
      await alice!.link.say("", Buffer.alloc(100_000));
    });
  });
});

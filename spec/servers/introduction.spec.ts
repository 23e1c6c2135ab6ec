import { expect } from "chai";
import { BrokerNotAvailableError, MessageDeliveryError } from "express-stomp";
import { FakeTimers } from "../support/fake-timers.js";
import { EXPIRATION, LinkStage } from "../support/link-stage.js";

describe("A server that has come, or come back", () => {
  let hub: LinkStage["hub"];
  let time: LinkStage["time"];
  let open: LinkStage["open"];
  let greeted: LinkStage["greeted"];

  beforeEach(() => {
    ({ hub, time, open, greeted } = new LinkStage());
  });

  it("is heard from its first word, which waits for the greetings", async () => {
    const [alice] = await greeted(1);
    const bob = open();
    const first = bob.link.say("my first word");
    await time.pass(300);
    await first;
    expect(alice!.said).to.deep.equal(["my first word="]);
  });

  it("waits a second if nobody answers", async () => {
    const alone = open();
    let isSaid = false;
    const said = alone.link.say("to nobody").then(() => {
      isSaid = true;
    });
    await time.pass(900);
    expect(isSaid).to.equal(false);
    await time.pass(200);
    await said;
    await alone.link.say("at once from now on");
  });

  for (const away of [1000, 3 * EXPIRATION]) {
    for (const who of ["one", "both"] as const) {
      it(`is heard from its first word, when the line of ${who} was away for ${away} ms`, async () => {
        const [alice, bob] = await greeted(2);
        if (who === "both") hub.cut();
        else alice!.line.cut();
        await time.pass(away);
        alice!.line.restore();
        // Sent in the very moment in which the connection is there.
        const words = ["one", "two", "three"].map((word) => alice!.link.say(word));
        if (who === "both") {
          await time.pass(2000);
          bob!.line.restore();
        }
        await time.pass(1000);
        await Promise.all(words);
        await alice!.link.say("four");
        expect(bob!.said).to.deep.equal(["one=", "two=", "three=", "four="]);
      });
    }
  }

  it("is heard from its first word, when its process stood still for longer than the others wait", async () => {
    const slow = new FakeTimers();
    const [bob] = await greeted(1);
    const alice = open({ clock: slow });
    const both = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        await time.pass(50);
        await slow.pass(50);
      }
    };
    await both(1000);
    expect(bob!.told).to.include(`alive ${alice.link.id}`);
    await time.pass(2 * EXPIRATION);
    expect(bob!.told).to.include(`left ${alice.link.id}`);

    slow.standStill(2 * EXPIRATION);
    const first = alice.link.say("I have slept");
    await both(1000);
    await first;
    expect(bob!.said).to.deep.equal(["I have slept="]);
  });

  it("does not wait for a server that does not come back, longer than five seconds", async () => {
    const [alice, bob, carol] = await greeted(3);
    hub.cut();
    await time.pass(1000);
    alice!.line.restore();
    bob!.line.restore();
    let isSaid = false;
    const said = alice!.link.say("hello").then(() => {
      isSaid = true;
    });
    await time.pass(4500);
    expect(isSaid).to.equal(false);
    await time.pass(1000);
    await said;
    expect(bob!.said).to.deep.equal(["hello="]);
    carol!.line.restore();
  });

  it("does not wait for a server that says goodbye", async () => {
    const [alice, bob, carol] = await greeted(3);
    alice!.line.cut();
    await time.pass(100);
    alice!.line.restore();
    const said = alice!.link.say("hello");
    hub.loses = (message) => message.payload.length > 400;
    await carol!.link.close();
    hub.loses = () => false;
    await time.pass(500);
    await said;
    expect(bob!.said).to.deep.equal(["hello="]);
  });

  it("refuses what waits when the line is lost again", async () => {
    await greeted(2);
    const carol = open();
    const said = carol.link.say("hello").catch((thrown: unknown) => thrown);
    carol.line.cut();
    expect(await said)
      .to.be.instanceOf(BrokerNotAvailableError)
      .with.property("message", "The connection to the other servers was lost before they could be greeted");
  });

  it("refuses what waits when the broker does not let it listen", async () => {
    const line = hub.connect();
    line.system.subscribe = () => Promise.reject(new Error("no topics here"));
    const { link, log } = open({ line });
    const error = await link.say("hello").catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BrokerNotAvailableError);
    expect(log.join()).to.include("error The other servers cannot be heard at /topic/servers");
    expect(await link.say("again").catch((thrown: unknown) => thrown)).to.be.instanceOf(
      BrokerNotAvailableError,
    );
  });

  it("refuses what waits when the broker does not confirm that it listens", async () => {
    const line = hub.connect();
    line.system.subscribe = () => new Promise(() => {});
    const { link } = open({ line });
    const said = link.say("hello").catch((thrown: unknown) => thrown);
    await time.pass(10_000);
    expect(await said).to.be.instanceOf(BrokerNotAvailableError);
  });

  it("lets no more wait than 16 MiB", async () => {
    const { link } = open();
    const payload = Buffer.alloc(1_000_000);
    const all = Array.from({ length: 17 }, () =>
      link.say("much", payload).catch((thrown: unknown) => thrown),
    );
    const error = await all.at(-1);
    expect(error).to.be.instanceOf(MessageDeliveryError);
    expect((error as Error).message).to.include("Too much waits for the other servers");
    await time.pass(6_000);
    expect(await Promise.all(all.slice(0, 16))).to.deep.equal(Array.from({ length: 16 }, () => undefined));
  });
});

import { expect } from "chai";
import type { Message, StompMessagingOptions } from "express-stomp";
import { BackplaneStage, header, listen } from "../support/backplane-stage.js";
import type { RawClient } from "../support/raw-client.js";
import { until } from "../support/users-on-servers.js";

const QUEUE = "/user/queue/confirm";

describe("A question to a client of another server", () => {
  let stage: BackplaneStage;

  afterEach(() => stage.close());

  /** Two servers, and a person on the second of whom the first one knows. */
  async function open(
    options: ConstructorParameters<typeof BackplaneStage>[0] = {},
    more: Partial<StompMessagingOptions> = {},
  ) {
    stage = new BackplaneStage({ remembers: 1_000, ...options });
    const [here, there] = await stage.openAll(2, {}, more);
    const rod = await there!.connect("rod");
    await listen(rod, QUEUE);
    const { template, userRegistry } = here!.server.messaging;
    await until(() => userRegistry.findSubscriptionsTo(QUEUE).length === 1);
    const ask = (options: object = {}) => template.request("rod", "/queue/confirm", "Sure?", options);
    const failure = (asked: Promise<unknown>) => asked.catch((error: Error & { reason?: string }) => error);
    return { here: here!, there: there!, rod, ask, failure };
  }

  function answer(client: RawClient, question: string, body: string): void {
    const [to, id] = [header(question, "reply-to"), header(question, "correlation-id")];
    client.send(`SEND\ndestination:${to}\ncorrelation-id:${id}\nreceipt:r\n\n${body}^@`);
  }

  it("lets an answer overtake what its session has sent before, as on the server that asks", async () => {
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const preSend = (message: Message) =>
      message.headers.destination === "/topic/slow" ? gate.then(() => message) : message;
    const { rod, ask } = await open({}, { clientInboundChannel: { interceptors: [{ preSend }] } });
    rod.send("SEND\ndestination:/topic/slow\nreceipt:slow\n\n^@");
    const asked = ask();
    answer(rod, await rod.frame(), "7");
    expect(await asked).to.equal(7);
    goOn();
    expect([header(await rod.frame(), "receipt-id"), header(await rod.frame(), "receipt-id")]).to.deep.equal([
      "r",
      "slow",
    ]);
  });

  it("costs the other servers nothing that nobody has asked for: no guess, and no second answer", async () => {
    const { here, rod, ask } = await open();
    const asked = ask();
    const question = await rod.frame();
    answer(rod, question, "7");
    expect(await asked).to.equal(7);
    expect(await rod.frame()).to.match(/^RECEIPT/);
    // What withdraws the question is behind the answer.
    const words = () => stage.hub.entries.filter(({ bytes }) => Buffer.from(bytes).includes('"')).length;
    const before = words();
    for (let i = 0; i < 10; i++) answer(rod, question.replace(/(correlation-id:)./, `$1${i}`), "guessed");
    for (let i = 0; i < 10; i++) expect(await rod.frame()).to.match(/^RECEIPT/);
    answer(rod, question, "again");
    await rod.frame();
    await here.server.messaging.template.convertAndSend("/topic/mark", "");
    expect(words() - before).to.be.at.most(2);
  });

  it("fails at once when the others cannot be told, and of those who are asked here goes on", async () => {
    const { here, rod, ask, failure } = await open();
    here.backplane.refuse(2);
    expect(await failure(ask())).to.include({ code: "BROKER_NOT_AVAILABLE" });
    const near = await here.connect("rod");
    await listen(near, QUEUE);
    here.backplane.refuse(2);
    const asked = ask();
    answer(near, await near.frame(), "8");
    expect(await asked).to.equal(8);
    expect(await rod.synchronize()).to.deep.equal([]);
  });

  it("tells a client whose answer is too long for the other servers, and takes a shorter one", async () => {
    const { there, rod, ask, failure } = await open({ sizeLimit: 4_000 });
    const asked = failure(ask({ timeout: 60_000 }));
    const question = await rod.frame();
    answer(rod, question, `"${"x".repeat(4_000)}"`);
    expect(await rod.frame()).to.match(/^ERROR\nmessage:The message is too long for the other servers\n/);
    expect(await asked).to.include({ reason: "ended" });
    expect(there.server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
  });

  it("is one of requestLimit on the server that asks alone, and is aborted there", async () => {
    const { rod, ask, failure, there } = await open({}, { requestLimit: 1 });
    const abort = new AbortController();
    const asked = failure(ask({ signal: abort.signal }));
    const question = await rod.frame();
    expect(await failure(ask())).to.include({ reason: "limit" });
    const ann = await there.connect("ann");
    await listen(ann, QUEUE);
    const own = there.server.messaging.template.request("ann", "/queue/confirm", "?");
    answer(ann, await ann.frame(), "1");
    expect(await own).to.equal(1);
    abort.abort(new Error("not needed"));
    expect((await asked) as Error).to.include({ message: "not needed" });
    answer(rod, question, "late");
    expect(await rod.frame()).to.match(/^RECEIPT/);
  });

  it("is heard by a server that was not told of it, or is of an older release, and runs out of time there", async () => {
    const { here, rod, ask, failure } = await open();
    // A word that is lost, so that the other server does not know that it was asked.
    stage.servers[1]!.backplane.lose(1);
    const asked = failure(ask({ timeout: 300 }));
    answer(rod, await rod.frame(), "7");
    expect(await rod.frame()).to.match(/^RECEIPT/);
    expect(await asked).to.include({ reason: "timeout" });
    expect(here.server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
  });
});

import { expect } from "chai";
import { ConfigurationError, publisher, type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { BackplaneHub, FaultyBackplane } from "express-stomp/testing";
import {
  type BackplaneServer,
  BackplaneStage,
  bodies,
  type Client,
  header,
  listen,
  SECRET,
} from "../../support/backplane-stage.js";

const NEWS = "/topic/news";

describe("Senders on a backplane", () => {
  let stage: BackplaneStage;
  let far: Client;
  let sender: Client;

  beforeEach(async () => {
    stage = new BackplaneStage();
    const options = { clientsMaySendToUsers: true, clientInboundChannel: { deduplicate: true } };
    const [here, there] = await stage.openAll(2, {}, options);
    far = await there!.connect("rod");
    await listen(far, NEWS);
    far.send("SUBSCRIBE\nid:1\ndestination:/user/queue/letters\n\n^@");
    await far.synchronize();
    sender = await here!.connect("ann");
  });

  afterEach(() => stage.close());

  it("that commit send all of it, in order, and get RECEIPT when all is there", async () => {
    sender.send("BEGIN\ntransaction:t\n\n^@");
    for (const n of [1, 2]) sender.send(`SEND\ndestination:${NEWS}\ntransaction:t\n\n${n}^@`);
    sender.send("SEND\ndestination:/user/rod/queue/letters\ntransaction:t\n\n3^@");
    sender.send(`SEND\ndestination:${NEWS}\ntransaction:t\n\n4^@`);
    await sender.synchronize();
    expect(await far.synchronize()).to.deep.equal([]);
    stage.servers[0]!.backplane.stall();
    sender.send("COMMIT\ntransaction:t\nreceipt:c\n\n^@");
    expect(await sender.synchronize()).to.deep.equal([]);
    stage.servers[0]!.backplane.resume();
    expect(header(await sender.frame(), "receipt-id")).to.equal("c");
    expect(await bodies(far, 4)).to.deep.equal(["1", "2", "3", "4"]);
  });

  it("that abort, or commit while the backplane is away, send nothing of it", async () => {
    sender.send("BEGIN\ntransaction:t\n\n^@");
    sender.send(`SEND\ndestination:${NEWS}\ntransaction:t\n\n1^@`);
    sender.send("ABORT\ntransaction:t\nreceipt:a\n\n^@");
    expect(header(await sender.frame(), "receipt-id")).to.equal("a");
    sender.send("BEGIN\ntransaction:t\n\n^@");
    for (const n of [1, 2]) sender.send(`SEND\ndestination:${NEWS}\ntransaction:t\n\n${n}^@`);
    await sender.synchronize();
    stage.servers[0]!.backplane.away();
    sender.send("COMMIT\ntransaction:t\nreceipt:c\n\n^@");
    expect(await sender.frame())
      .to.include("message:Broker not available\n")
      .and.include("receipt-id:c\n");
    stage.servers[0]!.backplane.back();
    expect(await far.synchronize()).to.deep.equal([]);
  });

  it("that commit more than there is room for on the way send nothing of it", async () => {
    const [{ server, backplane }] = stage.servers as [BackplaneServer];
    const KIB = 1024;
    sender.send("BEGIN\ntransaction:t\n\n^@");
    for (const n of "12") {
      sender.send(`SEND\ndestination:${NEWS}\ntransaction:t\n\n${n.repeat(30 * KIB)}^@`);
    }
    await sender.synchronize();
    backplane.stall();
    // Of 16 MiB some 45 KiB are left: room for each of the two.
    const sizes = [...Array.from({ length: 15 }, () => 1024 * KIB), 960 * KIB];
    const others = sizes.map((size) =>
      server.messaging.template.convertAndSend("/topic/other", "x".repeat(size)),
    );
    sender.send("COMMIT\ntransaction:t\nreceipt:c\n\n^@");
    const error = await Promise.race([sender.frame(), sender.synchronize().then(String)]);
    backplane.resume();
    await Promise.all(others);
    expect(error).to.include("message:Too much waits for the other servers");
    expect(await far.synchronize()).to.deep.equal([]);
  });

  it("that asked for no receipt are sent ERROR when the backplane did not take it", async () => {
    stage.servers[0]!.backplane.refuse(1);
    sender.send(`SEND\ndestination:${NEWS}\n\n1^@`);
    expect(await sender.frame()).to.include("message:Broker not available\n");
    expect(await sender.closed()).to.equal(1002);
  });

  it("that send again what was not confirmed are handled then, and once", async () => {
    stage.servers[0]!.backplane.refuse(1);
    sender.send(`SEND\ndestination:${NEWS}\ndedup-id:7\nreceipt:1\n\nx^@`);
    expect(await sender.frame()).to.include("message:Broker not available\n");
    const again = await stage.servers[0]!.connect("ann");
    for (const n of [2, 3]) again.send(`SEND\ndestination:${NEWS}\ndedup-id:7\nreceipt:${n}\n\nx^@`);
    for (const n of ["2", "3"]) expect(header(await again.frame(), "receipt-id")).to.equal(n);
    // Without a receipt it is known to be taken as well, before a repeat is answered.
    again.send(`SEND\ndestination:${NEWS}\ndedup-id:8\n\ny^@`);
    again.send(`SEND\ndestination:${NEWS}\ndedup-id:8\nreceipt:4\n\ny^@`);
    expect(header(await again.frame(), "receipt-id")).to.equal("4");
    expect(await bodies(far, 2)).to.deep.equal(["x", "y"]);
    expect(await far.synchronize()).to.deep.equal([]);
  });

  it("that are no servers send to topics and to users, and wait until all is there", async () => {
    const backplane = new FaultyBackplane(stage.hub);
    const { template, close } = publisher({ backplane, secret: SECRET });
    backplane.stall();
    void template.convertAndSend(NEWS, { n: 1 });
    void template.convertAndSendToUser("rod", "/queue/letters", "2");
    let isClosed = false;
    const closed = close().then(() => {
      isClosed = true;
    });
    expect(await far.synchronize()).to.deep.equal([]);
    expect(isClosed).to.equal(false);
    backplane.resume();
    await closed;
    expect(await bodies(far, 2)).to.deep.equal(['{"n":1}', "2"]);
    const late = await template.convertAndSend(NEWS, 3).catch((error: unknown) => error);
    expect(late).to.have.property("code", "BROKER_NOT_AVAILABLE");
  });
});

describe("Options for a backplane", () => {
  const backplane = () => new FaultyBackplane(new BackplaneHub());
  const wrong: readonly [SimpleBrokerOptions, RegExp][] = [
    [{ secret: SECRET }, /^simpleBroker: secret is for servers on a backplane: name that too$/],
    [{ trusted: true }, /^simpleBroker: trusted is for servers/],
    [
      { backplane: backplane() },
      /^simpleBroker: secret must be a text of 16 characters or more.* trusted: true/,
    ],
    [{ backplane: backplane(), secret: "short" }, /secret must be a text of 16 characters/],
    [{ backplane: backplane(), secret: SECRET, trusted: true }, /secret and trusted exclude each other/],
    [{ backplane: {} as FaultyBackplane, secret: SECRET }, /backplane takes what a driver makes/],
    [
      { backplane: backplane(), secret: SECRET, registryExpirationPeriod: 1 },
      /registryExpirationPeriod must be/,
    ],
    [
      { backplane: backplane(), secret: SECRET, queuePrefixes: ["/queue"] },
      /^simpleBroker: queuePrefixes \/queue cannot be served with a backplane\..*stompBrokerRelay/,
    ],
  ];
  for (const [options, text] of wrong) {
    it(`are refused that make no sense: ${text.source.replace(/[\\^$]/g, "").slice(0, 70)}`, () => {
      expect(() => simpleBroker(options)).to.throw(ConfigurationError, text);
    });
  }

  it("of a publisher are refused that make no sense", () => {
    expect(() => publisher({ secret: SECRET } as never)).to.throw(
      ConfigurationError,
      /publisher: secret is for/,
    );
    expect(() => publisher({ backplane: backplane(), secrets: "x" } as never)).to.throw(
      /no option "secrets"/,
    );
  });
});

import { expect } from "chai";
import { simpleBroker } from "express-stomp";
import { onEachBroker } from "../support/brokers.js";
import { decoded, fresh, RealBrokerStage, receipt } from "../support/real-broker-stage.js";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";

const USER = { endpoints: [{ path: "/ws", user: () => ({ name: "joe" }) }] };

/** What a client of this version acknowledges a MESSAGE by; `undefined` where it asks for no ACK. */
function acknowledging(frame: ReadFrame, version: string): Record<string, string> | undefined {
  if (version !== "1.2") return { "message-id": frame.headers.get("message-id")!, subscription: "s" };
  const id = frame.headers.get("ack");
  return id === undefined ? undefined : { id };
}

async function unsubscribe({ messaging }: TestServer): Promise<void> {
  const [subscription] = messaging.userRegistry.findSubscriptions(({ id }) => id === "s");
  expect(await messaging.unsubscribe(subscription!, "closed")).to.equal(true);
}

describe("The last MESSAGE of a subscription that the server has ended", () => {
  let server: TestServer;
  const sessions: StompSession[] = [];

  beforeEach(async () => {
    server = await startServer({
      ...USER,
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
    });
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  async function connect(version: string): Promise<StompSession> {
    const session = await StompSession.connect(server.port, version);
    sessions.push(session);
    return session;
  }

  /** One that has two jobs to acknowledge, and the notice. */
  async function dismissed(version: string, ack: string) {
    const worker = await connect(version);
    worker.send("SUBSCRIBE", { id: "s", destination: "/queue/jobs", ack });
    worker.send("SEND", { destination: "/queue/jobs" }, "one");
    worker.send("SEND", { destination: "/queue/jobs" }, "two");
    await worker.frame();
    await worker.frame();
    await unsubscribe(server);
    const notice = await worker.frame();
    expect(notice.headers.get("unsubscribed")).to.equal("closed");
    return { worker, notice };
  }

  async function left(): Promise<readonly string[]> {
    const other = await connect("1.2");
    other.send("SUBSCRIBE", { id: "o", destination: "/queue/jobs" });
    return other.bodies();
  }

  for (const version of ["1.0", "1.1", "1.2"]) {
    for (const command of version === "1.0" ? ["ACK"] : ["ACK", "NACK"]) {
      for (const ack of ["auto", "client", "client-individual"]) {
        it(`may be answered with ${command} in STOMP ${version}, ack:${ack}, and the session lives`, async () => {
          const { worker, notice } = await dismissed(version, ack);
          const names = acknowledging(notice, version);
          expect(names === undefined).to.equal(version === "1.2");
          if (names) await receipt(worker, command, names);
          expect(await worker.messages()).to.deep.equal([]);
        });
      }
    }
  }

  for (const version of ["1.0", "1.1"]) {
    it(`stands for all before it where an ACK does, in STOMP ${version}`, async () => {
      const { worker, notice } = await dismissed(version, "client");
      await receipt(worker, "ACK", acknowledging(notice, version)!);
      worker.cut();
      expect(await left()).to.deep.equal([]);
    });
  }

  it("stands for nothing where each MESSAGE has its own ACK", async () => {
    const { worker, notice } = await dismissed("1.1", "client-individual");
    await receipt(worker, "ACK", acknowledging(notice, "1.1")!);
    worker.send("DISCONNECT", { receipt: "bye" });
    await worker.frame();
    expect(await left()).to.deep.equal(["one", "two"]);
  });

  it("may be acknowledged in a transaction", async () => {
    const { worker, notice } = await dismissed("1.1", "client");
    await receipt(worker, "BEGIN", { transaction: "t" });
    await receipt(worker, "ACK", { ...acknowledging(notice, "1.1")!, transaction: "t" });
    await receipt(worker, "COMMIT", { transaction: "t" });
    expect(await worker.messages()).to.deep.equal([]);
  });
});

describe("The last MESSAGE of a subscription behind the relay", function () {
  this.timeout(60_000);

  it("and what was delivered before it are acknowledged to nobody", async () => {
    const stage = await RelayStage.open({ server: USER });
    await stage.system();
    const { client, line } = await stage.connect("1.1");
    client.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack: "client" });
    await line.until("SUBSCRIBE");
    for (const id of ["m1", "m2"]) {
      line.send("MESSAGE", { destination: "/queue/a", subscription: "s", "message-id": id }, id);
      await client.frame();
    }
    client.send("ACK", { "message-id": "m1", subscription: "s" });
    expect((await line.until("ACK")).headers.get("message-id")).to.equal("m1");

    await unsubscribe(stage.server);
    await receipt(client, "ACK", acknowledging(await client.frame(), "1.1")!);
    await receipt(client, "NACK", { "message-id": "m2", subscription: "s" });
    client.send("SEND", { destination: "/queue/a" });
    await line.until("UNSUBSCRIBE");
    expect((await line.frame()).command).to.equal("SEND");
    await stage.close();
  });

  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  onEachBroker((broker) => {
    for (const connections of ["own", "shared"] as const) {
      for (const version of ["1.0", "1.1", "1.2"]) {
        it(`leaves the session alive in STOMP ${version}, ${connections} connections, and the work to others`, async () => {
          await stage.start(broker(), { connections }, USER);
          const destination = fresh("queue");
          const worker = await stage.connect(version);
          await receipt(worker, "SUBSCRIBE", { id: "s", destination, ack: "client-individual" });
          worker.send("SEND", { destination, persistent: "true" }, "work");
          const work = await worker.frame();
          await unsubscribe(stage.server);
          const notice = await worker.frame();
          expect(notice.headers.get("unsubscribed")).to.equal("closed");

          for (const frame of [notice, work]) {
            const names = acknowledging(frame, version);
            if (!names) continue;
            // As a client of this version decodes and encodes it.
            const same = version === "1.0" ? {} : { id: decoded(frame, "ack").replaceAll(":", "\\c") };
            await receipt(worker, "ACK", version === "1.2" ? same : names);
          }
          const other = await stage.connect();
          other.send("SUBSCRIBE", { id: "o", destination });
          worker.send("DISCONNECT", { receipt: "bye" });
          expect((await worker.frame()).headers.get("receipt-id")).to.equal("bye");
          expect((await other.frame()).body).to.equal("work");
        });
      }
    }
  });
});

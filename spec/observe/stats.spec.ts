import { expect } from "chai";
import {
  Controller,
  HandlerTimeoutError,
  MessageExceptionHandler,
  MessageMapping,
  type MessagingStats,
  SendTo,
  simpleBroker,
  stompBrokerRelay,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { ScriptedBroker } from "../support/scripted-broker.js";
import { startServer, type TestServer } from "../support/server.js";
import { TopicBroker } from "../support/topic-broker.js";
import { untilAvailable } from "../support/until-available.js";

class Refused extends Error {}

@Controller()
class CountedController {
  go = () => {};

  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo() {
    return "echo";
  }

  @MessageMapping("/fails")
  fails() {
    throw new Error("no");
  }

  @MessageMapping("/taken")
  taken() {
    throw new Refused();
  }

  @MessageExceptionHandler(Refused)
  take() {}

  @MessageMapping("/late")
  async late() {
    throw new HandlerTimeoutError("late");
  }

  @MessageMapping("/waits")
  waits() {
    return new Promise<void>((resolve) => {
      this.go = resolve;
    });
  }
}

describe("messaging.stats()", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  async function connect(path?: string): Promise<RawClient> {
    const client = await RawClient.connect(server.port, "", path);
    clients.push(client);
    return client;
  }

  async function until(condition: (stats: MessagingStats) => boolean): Promise<void> {
    while (!condition(server.messaging.stats())) await settled();
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("counts connections by transport, frames by command, bytes, and how sessions end", async () => {
    server = await startServer();
    const client = await connect();
    const other = await connect("/ws/000/abc/websocket").catch(() => undefined);
    expect(other).to.equal(undefined);
    let sent = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@".length - 1;
    const say = (text: string) => {
      sent += text.length - 1;
      client.send(text);
    };
    say("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@");
    say("SEND\ndestination:/topic/a\n\nhello^@");
    say("SEND\ndestination:/topic/a\nreceipt:1\n\nhello^@");
    for (let frame = 0; frame < 3; frame++) await client.frame();
    const stats = server.messaging.stats();
    expect(stats.connectionsByTransport.websocket).to.equal(stats.connections);
    expect(stats.framesReceivedByCommand).to.deep.equal({
      CONNECT: 1,
      STOMP: 0,
      SEND: 2,
      SUBSCRIBE: 1,
      UNSUBSCRIBE: 0,
      ACK: 0,
      NACK: 0,
      BEGIN: 0,
      COMMIT: 0,
      ABORT: 0,
      DISCONNECT: 0,
    });
    expect(stats.framesReceived).to.equal(4);
    expect(stats.framesSentByCommand).to.deep.equal({ CONNECTED: 1, MESSAGE: 2, RECEIPT: 1, ERROR: 0 });
    expect(stats.messagesSent).to.equal(2);
    expect(stats.subscriptions).to.equal(1);
    expect(stats.publications).to.equal(2);
    expect(stats.deliveries).to.equal(2);
    expect(stats.bytesReceived).to.equal(sent);
    expect(stats.framesWaiting).to.equal(0);

    // Bytes of those who are gone are not forgotten.
    const before = stats.bytesSent;
    expect(before).to.be.greaterThan(200);
    client.send("SEND\n\n^@");
    await client.frame();
    expect(await client.closed()).to.equal(1002);
    await until(({ sessionsEnded }) => sessionsEnded[1002] === 1);
    const after = server.messaging.stats();
    expect(after.errorsSent).to.equal(1);
    expect(after.framesSentByCommand.ERROR).to.equal(1);
    expect(after.bytesSent).to.be.greaterThan(before);
    expect(after.bytesReceived).to.equal(sent + "SEND\n\n^@".length - 1);
    expect(after.subscriptions).to.equal(0);
  });

  it("tells a SockJS client from a WebSocket", async () => {
    server = await startServer();
    await connect();
    await fetch(`http://127.0.0.1:${server.port}/ws/000/counted/xhr`, { method: "POST" });
    expect(server.messaging.stats().connectionsByTransport).to.deep.equal({ websocket: 1, "xhr-polling": 1 });
  });

  it("tells known close codes apart, and the others of clients together", async () => {
    server = await startServer();
    for (const code of [1000, 3001, 4321, 4999]) (await connect()).webSocket.close(code);
    await until(({ connections }) => connections === 0);
    expect(server.messaging.stats().sessionsEnded).to.deep.equal({ 1000: 1, other: 3 });
  });

  it("counts what the simple broker delivers, settles and gives again, and its queues", async () => {
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
    });
    const { template } = server.messaging;
    for (let number = 0; number < 5; number++) await template.convertAndSend("/queue/jobs", "a job");
    const { queues } = server.messaging.stats();
    expect(queues).to.include({ queues: 1, backlog: 5, unacknowledged: 0 });
    expect(queues?.bytes).to.be.greaterThan(5 * 5);

    const client = await connect();
    client.send("SUBSCRIBE\nid:0\ndestination:/queue/jobs\nack:client\nprefetch-count:3\n\n^@");
    const frames = await client.synchronize();
    expect(server.messaging.stats().queues).to.include({ backlog: 2, unacknowledged: 3 });
    const ackOf = (frame = "") => /\nack:(.*)\n/.exec(frame)?.[1];
    client.send(`ACK\nid:${ackOf(frames[1])}\n\n^@`);
    const others = await client.synchronize();
    client.send(`NACK\nid:${ackOf(frames[2])}\n\n^@`);
    const again = await client.synchronize();
    expect([frames, others, again].map(({ length }) => length)).to.deep.equal([3, 2, 1]);
    const stats = server.messaging.stats();
    expect(stats.acknowledgements).to.deep.equal({ acknowledged: 2, refused: 1 });
    expect(stats.redeliveries).to.equal(1);
    expect(stats.deliveries).to.equal(6);
    expect(stats.publications).to.equal(5);
    expect(stats.queues).to.include({ queues: 0, backlog: 0, unacknowledged: 3 });

    client.send("BEGIN\ntransaction:t\n\n^@");
    client.send(`ACK\nid:${ackOf(again[0])}\ntransaction:t\n\n^@`);
    await client.synchronize();
    expect(server.messaging.stats().acknowledgements.acknowledged).to.equal(2);
    client.send("COMMIT\ntransaction:t\n\n^@");
    await client.synchronize();
    expect(server.messaging.stats().acknowledgements.acknowledged).to.equal(5);
    expect(server.messaging.stats().queues).to.deep.equal({
      queues: 0,
      backlog: 0,
      bytes: 0,
      unacknowledged: 0,
    });
  });

  it("counts the calls of controllers, and what waits and works", async () => {
    const controller = new CountedController();
    server = await startServer({
      controllers: [controller],
      clientInboundChannel: { concurrency: 1 },
    });
    const client = await connect();
    for (const name of ["echo", "fails", "taken", "late"])
      client.send(`SEND\ndestination:/app/${name}\n\n^@`);
    await client.synchronize();
    expect(server.messaging.stats().controllers).to.deep.equal({
      calls: 4,
      failures: 3,
      timeouts: 1,
      working: 0,
    });

    client.send("SEND\ndestination:/app/waits\n\n^@");
    client.send("SEND\ndestination:/app/echo\n\n^@");
    await until(({ controllers }) => controllers.working === 1);
    const other = await RawClient.open(server.port);
    clients.push(other);
    other.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await until(({ channels }) => channels.clientInboundChannel.waiting === 1);
    const stats = server.messaging.stats();
    expect(stats.channels.clientInboundChannel).to.deep.equal({ waiting: 1, working: 1 });
    expect(stats.framesWaiting).to.equal(1);
    controller.go();
    await client.synchronize();
    await other.frame();
    expect(server.messaging.stats().channels.clientInboundChannel).to.deep.equal({ waiting: 0, working: 0 });
    expect(server.messaging.stats().controllers).to.include({ calls: 6, working: 0 });
  });

  it("counts what waits for interceptors, and for those before it", async () => {
    let pass = () => {};
    const gate = new Promise<void>((resolve) => {
      pass = resolve;
    });
    server = await startServer({
      brokerChannel: { interceptors: [{ preSend: (message) => gate.then(() => message) }] },
    });
    const sent = [1, 2, 3].map((number) => server.messaging.template.convertAndSend("/topic/a", number));
    expect(server.messaging.stats().channels.brokerChannel).to.deep.equal({ waiting: 3, working: 0 });
    pass();
    await Promise.all(sent);
    expect(server.messaging.stats().channels.brokerChannel).to.deep.equal({ waiting: 0, working: 0 });
    expect(server.messaging.stats().publications).to.equal(3);
  });

  for (const connections of ["own", "shared"] as const) {
    it(`counts what passes the relay with ${connections} connections, and the connections`, async () => {
      const scripted = await ScriptedBroker.open();
      const topics = new TopicBroker(scripted, "clients");
      server = await startServer({
        broker: stompBrokerRelay({
          relayHost: "127.0.0.1",
          relayPort: scripted.port,
          destinationPrefixes: ["/topic"],
          clientLogin: "clients",
          connections,
          ...(connections === "shared" && { sharedConnections: 2 }),
        }),
      });
      await untilAvailable(server.messaging);
      const client = await connect();
      client.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n^@");
      client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/a\nreceipt:s\n\n^@");
      await client.frame();
      await client.frame();
      client.send("SEND\ndestination:/topic/b\nreceipt:t\n\n^@");
      await client.frame();
      await server.messaging.template.convertAndSend("/topic/b", "x");
      topics.publish("/topic/a", "heard");
      await client.frame();
      await until(({ relay }) => relay?.pendingReceipts === 0);
      const stats = server.messaging.stats();
      expect(stats).to.include({ subscriptions: 2, publications: 2, deliveries: 1, redeliveries: 0 });
      expect(stats.queues).to.equal(undefined);
      await until(({ relay }) => relay?.connections === (connections === "own" ? 2 : 3));
      expect(server.messaging.stats().relay).to.deep.equal({
        connections: connections === "own" ? 2 : 3,
        lost: 0,
        pendingReceipts: 0,
        waitingBytes: 0,
      });
      expect(stats.servers).to.equal(undefined);
      await scripted.close();
      await until(({ relay }) => relay?.connections === 0);
      expect(server.messaging.stats().relay?.lost).to.equal(connections === "own" ? 2 : 3);
    });
  }
});

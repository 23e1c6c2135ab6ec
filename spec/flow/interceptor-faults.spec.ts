import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageDeliveryError,
  MessageMapping,
  Payload,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

type Hook = Exclude<keyof ChannelInterceptor, "description">;
type Fault = "throws" | "rejects" | "gives null" | "gives nothing";

interface Case {
  readonly hook: Hook;
  readonly faults: readonly Fault[];
  /** Whether the message reaches its handler. */
  readonly reaches: boolean;
  /** What its sending comes to. */
  readonly sending: "done" | "failed" | "stopped";
}

/** What docs/interceptors.md says. */
const CASES: readonly Case[] = [
  { hook: "preSend", faults: ["throws", "rejects", "gives nothing"], reaches: false, sending: "failed" },
  { hook: "preSend", faults: ["gives null"], reaches: false, sending: "stopped" },
  { hook: "beforeHandle", faults: ["throws", "rejects", "gives nothing"], reaches: false, sending: "failed" },
  { hook: "beforeHandle", faults: ["gives null"], reaches: false, sending: "done" },
  { hook: "afterMessageHandled", faults: ["throws", "rejects"], reaches: true, sending: "done" },
  { hook: "postSend", faults: ["throws", "rejects"], reaches: true, sending: "failed" },
  { hook: "afterSendCompletion", faults: ["throws", "rejects"], reaches: true, sending: "done" },
];

function commit(fault: Fault): unknown {
  if (fault === "throws") throw new Error("secret of the server");
  if (fault === "rejects") return Promise.reject(new Error("secret of the server"));
  return fault === "gives null" ? null : undefined;
}

/** Commits a fault in one hook, for messages whose payload says so. */
function faulty(hook: Hook, fault: Fault, handlerName: string): ChannelInterceptor {
  const isDue = (message: Message, handler?: { name?: string }) =>
    Buffer.from(message.payload).toString() === "fault" &&
    (handler === undefined || handler.name === handlerName);
  switch (hook) {
    case "preSend":
      return { preSend: (message) => (isDue(message) ? (commit(fault) as null) : message) };
    case "beforeHandle":
      return {
        beforeHandle: (message, _channel, handler) =>
          isDue(message, handler) ? (commit(fault) as null) : message,
      };
    case "afterMessageHandled":
      return {
        afterMessageHandled: (message, _channel, handler) =>
          isDue(message, handler) ? (commit(fault) as undefined) : undefined,
      };
    case "postSend":
    case "afterSendCompletion":
      return { [hook]: (message: Message) => (isDue(message) ? (commit(fault) as undefined) : undefined) };
  }
}

@Controller()
class Notes {
  readonly taken: string[] = [];

  @MessageMapping("/note")
  take(@Payload() text: string) {
    this.taken.push(text);
  }
}

describe("A fault of an interceptor", () => {
  let server: TestServer;
  let notes: Notes;
  /** How the faulty message's sending ended, as the interceptor before the faulty one hears. */
  let completions: string[];
  const clients: RawClient[] = [];

  async function start(channel: string, { hook }: Case, fault: Fault, handlerName: string) {
    notes = new Notes();
    completions = [];
    const witness: ChannelInterceptor = {
      afterSendCompletion(message, _channel, sent, error) {
        if (Buffer.from(message.payload).toString() !== "fault") return;
        completions.push(error ? "failed" : sent ? "done" : "stopped");
      },
    };
    server = await startServer({
      controllers: [notes],
      [channel]: { interceptors: [witness, faulty(hook, fault, handlerName)] },
    });
  }

  async function subscriber(): Promise<RawClient> {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
    return client;
  }

  /** The bodies of what a client was sent meanwhile. */
  async function heard(client: RawClient): Promise<(string | undefined)[]> {
    const events = await client.synchronize();
    return events.map((event) => /\n\n(.*)\^@$/.exec(String(event))?.[1]);
  }

  function expectLog(hook: Hook, sending: Case["sending"], channel: string) {
    const told = server.log.filter((line) => line.includes("secret of the server"));
    if (hook.startsWith("after")) expect(told.join()).to.include(`${hook} failed on ${channel}`);
    else if (sending === "done") expect(told).to.deep.equal([]);
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  for (const each of CASES) {
    const { hook, reaches, sending } = each;
    for (const fault of each.faults) {
      const what = `whose ${hook} ${fault}`;

      it(`on clientInboundChannel ${what} costs the client ${sending === "done" ? "nothing" : "its session"}`, async () => {
        await start("clientInboundChannel", each, fault, "controllers");
        const other = await subscriber();
        const client = await subscriber();

        client.send(
          "SEND\ndestination:/app/note\nreceipt:1\n\nfault^@SEND\ndestination:/app/note\n\nafter^@",
        );
        const answer = await client.frame();

        if (sending === "done") expect(answer).to.equal("RECEIPT\nreceipt-id:1\n\n^@");
        else {
          expect(answer).to.match(/^ERROR\nmessage:(?!.*secret).+\n(?:.+\n)*receipt-id:1\n/);
          expect(await client.closed()).to.equal(1002);
        }
        await other.synchronize();
        if (sending === "done") await client.synchronize();
        const after = sending === "done" ? ["after"] : [];
        expect(notes.taken).to.deep.equal(reaches ? ["fault", ...after] : after);
        expect(completions).to.deep.equal([sending]);
        expectLog(hook, sending, "clientInboundChannel");
      });

      it(`on brokerChannel ${what} ${sending === "done" ? "costs the application nothing" : "makes its sending fail"}`, async () => {
        await start("brokerChannel", each, fault, "broker");
        const client = await subscriber();

        const sent = server.messaging.template.convertAndSend("/topic/a", "fault").then(
          () => undefined,
          (error: unknown) => error,
        );

        if (sending === "done") expect(await sent).to.equal(undefined);
        else expect(await sent).to.be.instanceOf(MessageDeliveryError);
        await server.messaging.template.convertAndSend("/topic/a", "after");
        expect(await heard(client)).to.deep.equal(reaches ? ["fault", "after"] : ["after"]);
        expect(completions).to.deep.equal([sending]);
        expectLog(hook, sending, "brokerChannel");
      });

      it(`on clientOutboundChannel ${what} costs ${reaches ? "nothing" : "the one delivery"}`, async () => {
        await start("clientOutboundChannel", each, fault, "sessions");
        const all = [await subscriber(), await subscriber()];

        await server.messaging.template.convertAndSend("/topic/a", "fault");
        await server.messaging.template.convertAndSend("/topic/a", "after");

        for (const client of all) {
          expect(await heard(client)).to.deep.equal(reaches ? ["fault", "after"] : ["after"]);
        }
        expect(completions).to.deep.equal([sending, sending]);
        expectLog(hook, sending, "clientOutboundChannel");
      });
    }
  }
});

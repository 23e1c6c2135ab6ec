import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import { Controller, DestinationVariable, Payload, Principal } from "express-stomp";
import { InvalidBodyError, typedClient } from "express-stomp/client";
import { destinations } from "express-stomp/contract";
import { typedServer } from "express-stomp/contract/server";
import { type TestMessaging, testMessaging } from "express-stomp/testing";
import { testBroker } from "express-stomp/testing/broker";
import { z } from "zod";
import { chat } from "../contract/chat-contract.js";

const { MessageMapping, SendTo, SubscribeMapping, send } = typedServer(chat, { prefix: "/app" });

@Controller()
class RoomController {
  @MessageMapping("/room/{id:[0-9]+}")
  @SendTo("/topic/room/{id}")
  say(
    @Payload() { text }: { text: string },
    @DestinationVariable("id") _id: string,
    @Principal() _user: Principal,
  ) {
    return { text, at: new Date(0) };
  }

  @MessageMapping("/count")
  count(@Payload() count: number) {
    if (count > 9) throw new RangeError("too far");
  }

  @SubscribeMapping("/rooms")
  rooms() {
    return [{ id: 7 }];
  }
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no failure",
    (error: Error) => error.message,
  );
}

describe("typedClient", () => {
  let stomp: TestMessaging;
  let client: Client;

  beforeEach(async () => {
    stomp = await testMessaging({ contract: chat, controllers: [RoomController], allowErrors: true });
    client = new Client({ ...stomp.stompjs({ user: "mina" }), reconnectDelay: 1 });
  });

  afterEach(async () => {
    await client.deactivate();
    await stomp.close();
  });

  async function connected(): Promise<void> {
    client.activate();
    await stomp.event("connected");
    await new Promise(setImmediate);
  }

  it("publishes, subscribes and asks, as the contract says", async () => {
    const typed = typedClient(chat, client, { validate: true });
    const heard = new Promise<{ text: string; at: Date }>((resolve) =>
      typed.subscribe("/topic/room/{id}", { id: 7 }, resolve),
    );
    const rooms = typed.request("/app/rooms");
    await connected();
    expect(await rooms).to.deep.equal([{ id: 7 }]);
    await typed.publish("/app/room/{id:[0-9]+}", { id: 7 }, { text: "hi" });
    const { text, at } = await heard;
    expect([text, at.getTime()]).to.deep.equal(["hi", 0]);
    await typed.publish("/app/count", 9, { retry: true });
  });

  it("hears what travels, unless it is to validate", async () => {
    const typed = typedClient(chat, client);
    const texts: string[] = [];
    const heard = new Promise<void>((resolve) => {
      typed.subscribe("/topic/open", (text) => {
        if (texts.push(text) === 2) resolve();
      });
    });
    await connected();
    await stomp.event("subscribed");
    await typed.publish("/topic/open", "a");
    await send(stomp.messaging.template, "/topic/open", "b");
    await heard;
    expect(texts).to.deep.equal(["a", "b"]);
  });

  it("looks at bodies before they go, and before they are taken", async () => {
    const typed = typedClient(chat, client, { validate: true });
    const errors: InvalidBodyError[] = [];
    const heard: unknown[] = [];
    const second = new Promise<void>((resolve) => {
      typed.subscribe(
        "/topic/room/{id}",
        { id: 7 },
        (body) => {
          heard.push(body);
          resolve();
        },
        { onInvalid: (error) => void errors.push(error) },
      );
    });
    await connected();
    await stomp.event("subscribed");
    expect(await failure(typed.publish("/app/room/{id:[0-9]+}", { id: 7 }, { text: 7 as never }))).to.match(
      /^The body for \/app\/room\/\{id:\[0-9\]\+\} is not as the contract says: text: /,
    );
    await stomp.messaging.template.convertAndSend("/topic/room/7", { text: 1 });
    await stomp.messaging.template.convertAndSend("/topic/room/7", { text: "a", at: 0 });
    await second;
    expect(heard).to.deep.equal([{ text: "a", at: new Date(0) }]);
    expect(errors[0]).to.be.instanceOf(InvalidBodyError);
    expect(errors[0]?.issues[0]?.path).to.deep.equal(["text"]);
  });

  it("tells of a body that is no JSON as of one that does not fit, and hears the next", async () => {
    const typed = typedClient(chat, client);
    const told: unknown[] = [];
    const heard = new Promise<void>((resolve) => {
      const take = ({ text }: { text: string }) => {
        told.push(text);
        resolve();
      };
      typed.subscribe("/topic/room/{id}", { id: 7 }, take, {
        onInvalid: (error) => void told.push(error.message.replace(/(no JSON): .*/, "$1")),
      });
    });
    await connected();
    await stomp.event("subscribed");
    const other = await stomp.connect();
    await other.send("/topic/room/7", "{");
    await other.send("/topic/room/7", { text: "a", at: 0 });
    await heard;
    expect(told).to.deep.equal([
      "The body for /topic/room/{id} is not as the contract says: it is no JSON",
      "a",
    ]);
  });

  it("hands messages on in order behind an asynchronous schema, also what is invalid", async () => {
    const judgements: ((result: { value: unknown } | { issues: { message: string }[] }) => void)[] = [];
    const slow = {
      "~standard": {
        version: 1 as const,
        vendor: "spec",
        validate: () => new Promise<never>((resolve) => judgements.push(resolve as never)),
        types: {} as { readonly input: number; readonly output: number },
      },
    };
    const broker = testBroker();
    client = new Client({ webSocketFactory: () => broker.webSocket(), reconnectDelay: 0 });
    const typed = typedClient(destinations({ "/topic/a": { message: slow } }), client, { validate: true });
    const told: unknown[] = [];
    typed.subscribe("/topic/a", (body) => void told.push(body), {
      onInvalid: ({ issues }) => void told.push(issues[0]?.message),
    });
    client.activate();
    await broker.subscribed("/topic/a");
    for (const body of [1, 2, 3]) broker.send("/topic/a", body);
    await new Promise(setImmediate);
    const [first, second, third] = judgements;
    second?.({ issues: [{ message: "no" }] });
    third?.({ value: 3 });
    await new Promise(setImmediate);
    expect(told).to.deep.equal([]);
    first?.({ value: 1 });
    await new Promise(setImmediate);
    expect(told).to.deep.equal([1, "no", 3]);
  });

  it("rejects with the text of ERROR, when the connection is lost, and when no answer comes", async () => {
    const typed = typedClient(chat, client);
    await connected();
    expect(await failure(typed.publish("/app/count", 10))).to.equal("The frame could not be processed");

    await client.deactivate();
    const broker = testBroker();
    client = new Client({ webSocketFactory: () => broker.webSocket(), reconnectDelay: 1 });
    const other = typedClient(chat, client, { within: 20 });
    const early = failure(other.request("/app/rooms"));
    expect(await early).to.equal("No answer came from /app/rooms within 20 ms");
    client.activate();
    await broker.connected();
    await new Promise(setImmediate);
    broker.dropReceipts();
    expect(await failure(other.publish("/app/count", 1))).to.equal(
      "No answer came from /app/count within 20 ms",
    );
    const slow = typedClient(chat, client);
    const lost = failure(slow.publish("/app/count", 1));
    await new Promise(setImmediate);
    broker.lines.cut();
    expect(await lost).to.match(/^The connection was lost before the answer came/);
    broker.dropReceipts(false);
  });

  describe("watches who is there", () => {
    const present = z.object({ name: z.string(), info: z.object({ mood: z.string() }).optional() });
    const rooms = destinations({
      "/topic/room/{id}": { message: z.string() },
      "/topic/room/{id}/presence": { message: z.object({ users: z.array(present).optional() }) },
      "/topic/hall": { message: z.string() },
    });

    it("with what the contract says of them", async () => {
      await stomp.close();
      stomp = await testMessaging({
        contract: rooms,
        presence: {
          destinations: ["/topic/room/*", "/topic/hall"],
          info: ({ name }) => ({ mood: `${name} is well` }),
          gather: 1,
        },
      });
      client = new Client({ ...stomp.stompjs({ user: "mina" }), reconnectDelay: 0 });
      const typed = typedClient(rooms, client);
      const moods = new Promise<string[]>((resolve) => {
        const watch = typed.watchPresence("/topic/room/{id}", { id: 7 }, ({ count, users }) => {
          if (count === 0) return;
          watch.unsubscribe();
          resolve([...(users?.values() ?? [])].map(({ name, info }) => `${name}: ${info?.mood}`));
        });
      });
      const counts = new Promise<number>((resolve) => {
        typed.watchPresence("/topic/hall", ({ count }) => resolve(count));
      });
      await connected();
      expect(await counts).to.equal(0);
      await (await stomp.connect({ user: "rod" })).subscribe("/topic/room/7");
      expect(await moods).to.deep.equal(["rod: rod is well"]);
    });

    it("and lets mistakes fail at compile time", () => {
      const typed = typedClient(rooms, client);
      const mistakes = [
        // @ts-expect-error there is no such destination
        () => typed.watchPresence("/topic/rooms", () => {}),
        // @ts-expect-error the variable is missing
        () => typed.watchPresence("/topic/room/{id}", () => {}),
        () =>
          typed.watchPresence("/topic/room/{id}", { id: 7 }, ({ users }) =>
            // @ts-expect-error a mood is a text
            users?.get("a")?.info?.mood.toFixed(),
          ),
        // @ts-expect-error nobody knows what there is to say of those in the hall
        () => typed.watchPresence("/topic/hall", ({ users }) => users?.get("a")?.info?.mood),
      ];
      expect(mistakes).to.have.length(4);
    });
  });

  it("lets mistakes fail at compile time", () => {
    const typed = typedClient(chat, client, { validate: true });
    const mistakes = [
      // @ts-expect-error there is no such destination
      () => typed.publish("/app/romm/{id}", { id: 7 }, { text: "hi" }),
      // @ts-expect-error the variable is missing
      () => typed.publish("/app/room/{id:[0-9]+}", { text: "hi" }),
      // @ts-expect-error the schema takes a text
      () => typed.publish("/app/room/{id:[0-9]+}", { id: 7 }, { txt: "hi" }),
      // @ts-expect-error only the server publishes there
      () => typed.publish("/topic/room/{id}", { id: 7 }, { text: "hi", at: 0 }),
      // @ts-expect-error nobody hears that
      () => typed.subscribe("/app/count", () => {}),
      // @ts-expect-error the variable is missing
      () => typed.subscribe("/topic/room/{id}", () => {}),
      // @ts-expect-error a date is no number
      () => typed.subscribe("/topic/room/{id}", { id: 7 }, ({ at }) => at.toFixed()),
      // @ts-expect-error there is no answer
      () => typed.request("/app/count"),
      // @ts-expect-error the answer is a list
      async () => (await typed.request("/app/rooms")).id,
    ];
    expect(mistakes).to.have.length(9);
  });
});

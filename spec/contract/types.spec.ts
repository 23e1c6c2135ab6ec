import { expect } from "chai";
import {
  DestinationVariable,
  MessageExceptionHandler,
  Principal,
  type SimpMessagingTemplate,
} from "express-stomp";
import { destinationOf, destinations } from "express-stomp/contract";
import { typedServer } from "express-stomp/contract/server";
import { z } from "zod";
import { chat } from "./chat-contract.js";

const { MessageMapping, Payload, SendTo, SendToUser, SubscribeMapping, send, sendToUser } = typedServer(
  chat,
  {
    prefix: "/app",
  },
);

/** For the compiler: `@ts-expect-error` is itself an error where there is none. */
class Rooms {
  @MessageMapping("/room/{id:[0-9]+}")
  @SendTo("/topic/room/{id}")
  say(message: { text: string }) {
    return { text: message.text, at: new Date() };
  }

  @MessageMapping("/count")
  @SendTo("/topic/room/{id}")
  async *counted(@Principal() _user: Principal, @Payload("/count") count: number) {
    for (let i = 0; i < count; i++) yield { text: String(i), at: "2026-01-01" };
  }

  @SubscribeMapping("/rooms")
  async list() {
    return [{ id: 1 }];
  }

  @MessageExceptionHandler()
  @SendToUser("/queue/errors", { broadcast: false })
  failed(error: Error) {
    return { error: error.message };
  }

  @MessageMapping("/count")
  nothing(@DestinationVariable("x") _x: unknown) {}
}

/** Each has one mistake, which throws at run time only where a destination is not in the contract. */
function wrong(): void {
  class Replies {
    // @ts-expect-error the topic's message has a text
    @SendTo("/topic/room/{id}")
    reply() {
      return { txt: 1, at: new Date() };
    }

    // @ts-expect-error who subscribes gets a list
    @SubscribeMapping("/rooms")
    list() {
      return { id: 1 };
    }

    // @ts-expect-error the schema makes a text, and no parameter takes one
    @MessageMapping("/room/{id:[0-9]+}")
    mistyped(message: { text: number }) {
      return message;
    }

    // @ts-expect-error the schema makes a number
    @MessageMapping("/count")
    // @ts-expect-error and this is where it would come
    counted(@Payload("/count") count: string) {
      return count;
    }

    // @ts-expect-error an error is told as an object
    @SendToUser("/queue/errors")
    told() {
      return "no";
    }
  }
  void [Replies, Rooms, sends];
}

const unknown = [
  // @ts-expect-error mapped to what nobody sends
  () => MessageMapping("/nowhere"),
  // @ts-expect-error nobody subscribes to that
  () => SubscribeMapping("/room/{id:[0-9]+}"),
  // @ts-expect-error nobody hears that
  () => SendTo("/topic/romm/{id}"),
  // @ts-expect-error nor that
  () => SendToUser("/queue/mistakes"),
  // @ts-expect-error nor is that a payload
  () => Payload("/rooms"),
];

/** Of what the application sends by itself. */
async function sends(template: SimpMessagingTemplate): Promise<void> {
  await send(template, "/topic/room/{id}", { id: 1 }, { text: "x", at: "2026-01-01" });
  await send(template, "/topic/open", "x");
  await sendToUser(template, "rod", "/queue/errors", { error: "x" });
  // @ts-expect-error the variable is missing
  await send(template, "/topic/room/{id}", { text: "x", at: "2026-01-01" });
  // @ts-expect-error it is another variable
  await send(template, "/topic/room/{id}", { room: 1 }, { text: "x", at: "2026-01-01" });
  // @ts-expect-error the text is missing
  await send(template, "/topic/room/{id}", { id: 1 }, { at: "2026-01-01" });
  // @ts-expect-error clients send there, and nobody hears it
  await send(template, "/app/count", 1);
}

describe("A contract", () => {
  it("makes mistakes of the server fail at compile time, and unknown destinations at run time too", () => {
    expect(wrong).to.not.throw();
    for (const decorate of unknown)
      expect(decorate).to.throw(/^The contract has no (send|subscribe|message) for \//);
  });

  it("is checked when it is made", () => {
    // @ts-expect-error a destination begins with a slash
    expect(() => destinations({ "app/hello": { send: z.string() } })).to.throw("begins with a slash");
    expect(() => destinations({ "/app/hello": {} })).to.throw("says nothing of /app/hello");
    // @ts-expect-error there is no such kind
    expect(() => destinations({ "/app/hello": { sent: z.string() } })).to.throw("has sent for /app/hello");
    // @ts-expect-error it is no schema
    expect(() => destinations({ "/app/hello": { send: String } })).to.throw("is no Standard Schema");
  });

  it("gives a destination of a pattern and its variables", () => {
    expect(destinationOf("/app/{a}/x.{b:[0-9]{2}}", { a: "ü b", b: 10 })).to.equal("/app/ü b/x.10");
    for (const id of [undefined, "", "7/8", { id: 7 }]) {
      expect(() => destinationOf("/topic/room/{id}", { id })).to.throw("{id} of /topic/room/{id} is");
    }
  });
});

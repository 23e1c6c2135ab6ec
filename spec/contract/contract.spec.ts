import { expect } from "chai";
import {
  ConfigurationError,
  Controller,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
} from "express-stomp";
import { destinations } from "express-stomp/contract";
import { typedServer } from "express-stomp/contract/server";
import { testMessaging } from "express-stomp/testing";
import { z } from "zod";
import { chat } from "./chat-contract.js";

const typed = typedServer(chat, { prefix: "/app" });

@Controller()
class RoomController {
  @typed.MessageMapping("/room/{id:[0-9]+}")
  @typed.SendTo("/topic/room/{id}")
  say(@Payload() { text }: { text: string }) {
    return { text, at: "2026-11-30" };
  }

  @typed.MessageMapping("/count")
  count(@Payload() count: number) {
    if (count !== 7) throw new RangeError(`${typeof count} ${count}`);
  }

  @typed.SubscribeMapping("/rooms")
  rooms() {
    return [{ id: 7 }];
  }

  @MessageExceptionHandler(RangeError)
  @typed.SendToUser("/queue/errors")
  failed(error: RangeError) {
    return { error: error.message };
  }
}

describe("The option contract", () => {
  const start = (options: Partial<StompMessagingOptions>) => testMessaging({ contract: chat, ...options });

  async function fault(options: Partial<StompMessagingOptions>): Promise<string> {
    const error = await start(options).then(
      (stomp) => stomp.close().then(() => new Error("it has started")),
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as Error).message;
  }

  it("gives payloads their schemas, which are said once", async () => {
    await using stomp = await start({ controllers: [RoomController] });
    const mina = await stomp.connect({ user: "mina" });
    const room = await mina.subscribe("/topic/room/7");
    const errors = await mina.subscribe("/user/queue/errors");
    await mina.send("/app/room/7", { text: "hi", more: 1 });
    expect(await room.next()).to.deep.equal({ text: "hi", at: "2026-11-30" });
    await mina.send("/app/count", "7");
    await mina.send("/app/count", "8");
    expect(await errors.bodies()).to.deep.equal([{ error: "number 8" }]);
    await mina.refused("/app/room/7", /text/, { body: { text: 7 } });
  });

  it("names what clients send or ask for, and no method has", async () => {
    expect(await fault({})).to.equal(
      "The contract and the controllers differ: " +
        "clients send to /app/room/{id:[0-9]+}, and no @MessageMapping has it; " +
        "clients send to /app/count, and no @MessageMapping has it; " +
        "clients subscribe to /app/rooms for an answer, and no @SubscribeMapping has it",
    );
  });

  it("names what methods are mapped or reply to, and the contract has not", async () => {
    @Controller()
    class More {
      @MessageMapping("/romm/{id}")
      @SendTo("/topic/romm/{id}")
      @SendToUser("/queue/done")
      say() {}

      @SubscribeMapping("/people")
      people() {}
    }
    const controllers = [RoomController, More];
    expect(await fault({ controllers })).to.equal(
      "The contract and the controllers differ: " +
        "More.say is mapped to /romm/{id}, of which the contract has no send; " +
        "More.say sends to /topic/romm/{id}, of which the contract has no message; " +
        "More.say sends to /user/queue/done, of which the contract has no message; " +
        "More.people is mapped to /people, of which the contract has no subscribe",
    );
    await (await start({ controllers, contractIsComplete: false })).close();
  });

  it("takes variables of other names, and dots", async () => {
    @Controller()
    class Rooms {
      @MessageMapping("room.{number}")
      @SendTo("/topic/room.{number}")
      say() {}
    }
    const dotted = destinations({
      "/app/room.{id:[0-9]{1,3}}": { send: z.string() },
      "/topic/room.{id}": { message: z.string() },
    });
    const options = { contract: dotted, destinationSeparator: ".", controllers: [Rooms] } as const;
    await (await start(options)).close();
  });

  it("wants one schema for a method's payload", async () => {
    @Controller()
    class Both {
      @MessageMapping("/a", "/b")
      both(@Payload() _text: string) {}
    }
    const contract = destinations({ "/app/a": { send: z.string() }, "/app/b": { send: z.number() } });
    expect(await fault({ contract, controllers: [Both] })).to.match(
      /^Both\.both is mapped to \/a and \/b, of which the contract says different things/,
    );
  });

  it("takes nothing else", async () => {
    expect(await fault({ contract: { "/app/a": {} } as never })).to.equal(
      "contract takes what destinations(…) of express-stomp/contract returns",
    );
  });
});

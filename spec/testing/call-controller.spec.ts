import { expect } from "chai";
import {
  AccessDeniedError,
  Authorize,
  Controller,
  ControllerAdvice,
  DestinationVariable,
  Header,
  hasRole,
  MessageExceptionHandler,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  Principal,
  SendTo,
  SendToUser,
  SimpMessagingTemplate,
  SubscribeMapping,
} from "express-stomp";
import { callController } from "express-stomp/testing";
import { z } from "zod";

const Said = z.object({ text: z.string().min(1) });

@Controller()
class RoomController {
  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/room/{id}")
  @SendTo("/topic/room/{id}")
  async say(
    @Payload(Said) { text }: z.infer<typeof Said>,
    @DestinationVariable("id") id: string,
    @Principal() user: Principal,
    @Header("priority") priority: string,
  ) {
    await this.template.convertAndSend("/topic/log", text);
    return { text, from: user.name, id, priority };
  }

  @MessageMapping("/close")
  @Authorize(hasRole("STAFF"))
  close() {}

  @MessageMapping("/count")
  count(@Payload() text: string) {
    if (text === "range") throw new RangeError("too far");
    throw new TypeError("no number");
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors")
  far({ message }: RangeError) {
    return { message };
  }

  @SubscribeMapping("/rooms")
  rooms() {
    return ["lobby"];
  }
}

describe("callController", () => {
  it("gives what a method returns and sends, with the arguments that a client's message has", async () => {
    const { result, sent, error } = await callController(
      RoomController,
      "/app/room/7",
      { text: "hi" },
      { user: "mina", headers: { priority: 9 } },
    );
    const reply = { text: "hi", from: "mina", id: "7", priority: "9" };
    expect(error).to.equal(undefined);
    expect(result).to.deep.equal(reply);
    expect(sent.map(({ destination, payload }) => [destination, payload])).to.deep.equal([
      ["/topic/log", "hi"],
      ["/topic/room/7", reply],
    ]);
  });

  it("checks the payload by the method's schema", async () => {
    const { result, sent, error } = await callController(
      RoomController,
      "/app/room/7",
      { text: "" },
      { user: "mina", headers: { priority: 9 } },
    );
    expect(error).to.be.instanceOf(MethodArgumentNotValidError);
    expect([result, sent]).to.deep.equal([undefined, []]);
  });

  it("asks @Authorize", async () => {
    const denied = await callController(RoomController, "/app/close", undefined, { user: "mina" });
    expect(denied.error).to.be.instanceOf(AccessDeniedError);
    const staff = { name: "mina", authorities: ["ROLE_STAFF"] };
    expect((await callController(RoomController, "/app/close", undefined, { user: staff })).error).to.equal(
      undefined,
    );
  });

  it("lets exception handlers take what the method throws, those of advices too", async () => {
    const taken = await callController(RoomController, "/app/count", "range", { user: "mina" });
    expect(taken.error).to.equal(undefined);
    expect(taken.result).to.deep.equal({ message: "too far" });
    expect(taken.sent.map(({ destination, payload }) => [destination, payload])).to.deep.equal([
      ["/user/mina/queue/errors", { message: "too far" }],
    ]);

    const thrown = await callController(RoomController, "/app/count", "type");
    expect(thrown.error).to.be.instanceOf(TypeError).with.property("message", "no number");

    @ControllerAdvice()
    class Advice {
      @MessageExceptionHandler()
      @SendTo("/topic/faults")
      any(error: Error) {
        return error.message;
      }
    }
    const advised = await callController(RoomController, "/app/count", "type", {
      options: { controllers: [Advice] },
    });
    expect(advised.sent.map(({ payload }) => payload)).to.deep.equal(["no number"]);
    expect(advised.error).to.equal(undefined);
  });

  it("gives the answer to a SUBSCRIBE, and takes an instance", async () => {
    @Controller()
    class Plain {
      @SubscribeMapping("/rooms")
      rooms() {
        return ["lobby"];
      }
    }
    for (const controller of [RoomController, new Plain()]) {
      const { result, sent } = await callController(controller, "/app/rooms", undefined, {
        command: "SUBSCRIBE",
      });
      expect(result).to.deep.equal(["lobby"]);
      expect(sent.map(({ destination, payload }) => [destination, payload])).to.deep.equal([
        ["/app/rooms", ["lobby"]],
      ]);
    }
  });

  it("says that no method is mapped to a destination", async () => {
    const { error } = await callController(RoomController, "/app/romm/7", {});
    expect(error?.message).to.match(/\/app\/romm\/7/);
  });
});

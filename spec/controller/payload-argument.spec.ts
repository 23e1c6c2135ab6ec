import { expect } from "chai";
import {
  DestinationVariable,
  MessageConversionError,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Principal,
} from "express-stomp";
import { faultOf, Recording, withControllers } from "../support/controllers.js";

class ChatMessage {
  declare readonly roomId: string;
}

describe("a handler's arguments", () => {
  describe("the payload", () => {
    class PayloadController extends Recording {
      @MessageMapping("/object")
      object(@Payload() message: ChatMessage) {
        this.record(message);
      }

      @MessageMapping("/text")
      text(@Payload() text: string) {
        this.record(text);
      }

      @MessageMapping("/bytes")
      bytes(@Payload() bytes: Uint8Array) {
        this.record(bytes);
      }

      @MessageMapping("/buffer")
      buffer(@Payload() bytes: Buffer) {
        this.record(bytes);
      }

      @MessageMapping("/number")
      number(@Payload() number: number) {
        this.record(number);
      }

      @MessageMapping("/boolean")
      boolean(@Payload() boolean: boolean) {
        this.record(boolean);
      }

      @MessageMapping("/list")
      list(@Payload() list: string[]) {
        this.record(list);
      }

      @MessageMapping("/unknown")
      unknown(@Payload() value: unknown) {
        this.record(value);
      }

      @MessageMapping("/optional")
      optional(@Payload({ required: false }) message?: ChatMessage) {
        this.record(message);
      }

      @MessageMapping("/second/{id}")
      second(@DestinationVariable("id") id: string, @Payload() message: ChatMessage) {
        this.record(id, message);
      }

      @MessageMapping("/last")
      last(@Principal() principal: Principal, @Payload() text: string) {
        this.record(principal, text);
      }
    }

    let controller: PayloadController;
    let stations: ReturnType<typeof withControllers>;
    beforeEach(() => {
      controller = new PayloadController();
      stations = withControllers(controller);
    });

    const received = async (destination: string, body: string | Uint8Array, contentType?: string) => {
      await stations.send(destination, body, { contentType });
      return controller.calls.at(-1)?.[0];
    };

    it("is parsed as JSON for a class, content type or none", async () => {
      expect(await received("/app/object", '{"roomId":"r1"}')).to.deep.equal({ roomId: "r1" });
      expect(await received("/app/object", '{"roomId":"r2"}', "application/json")).to.deep.equal({
        roomId: "r2",
      });
    });

    it("is what the parameter's type says", async () => {
      expect(await received("/app/text", '{"a":1}', "application/json")).to.equal('{"a":1}');
      expect(await received("/app/bytes", Uint8Array.of(0, 255))).to.deep.equal(Uint8Array.of(0, 255));
      expect(await received("/app/buffer", "abc")).to.deep.equal(Buffer.from("abc"));
      expect(await received("/app/number", "-1.5")).to.equal(-1.5);
      expect(await received("/app/boolean", "false")).to.equal(false);
      expect(await received("/app/list", '["a"]')).to.deep.equal(["a"]);
    });

    it("is what the content type says where the parameter's type says nothing", async () => {
      expect(await received("/app/unknown", "[1]")).to.deep.equal([1]);
      expect(await received("/app/unknown", "[1]", "text/plain")).to.equal("[1]");
    });

    it("may be any parameter when the others are known", async () => {
      await stations.send("/app/second/7", '{"roomId":"r1"}');
      await stations.send("/app/last", "hello", { user: { name: "ann" } });
      expect(controller.calls).to.deep.equal([
        ["7", { roomId: "r1" }],
        [{ name: "ann" }, "hello"],
      ]);
    });

    it("must not be empty, unless it is not required", async () => {
      const fault = await faultOf(() => stations.send("/app/object", ""));
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect((fault as MessageHandlingError).publicMessage).to.equal("Payload value must not be empty");

      expect(await received("/app/optional", "")).to.equal(undefined);
      expect(await received("/app/optional", "null")).to.equal(undefined);
      expect(controller.calls).to.have.length(2);
    });

    const misfits: [destination: string, body: string, contentType: string | undefined, says: string][] = [
      ["/app/object", "{", undefined, "The payload is no valid JSON"],
      ["/app/object", '{"roomId":"r1"}', "text/plain", "Cannot convert text/plain to ChatMessage"],
      ["/app/object", "null", undefined, "Cannot convert null to ChatMessage"],
      ["/app/object", "5", undefined, "Cannot convert number to ChatMessage"],
      ["/app/object", "[]", undefined, "Cannot convert object to ChatMessage"],
      ["/app/number", '"5"', undefined, "Cannot convert string to Number"],
      ["/app/boolean", "0", undefined, "Cannot convert number to Boolean"],
      ["/app/list", "{}", undefined, "Cannot convert object to Array"],
      ["/app/unknown", "null", undefined, "Cannot convert null to Object"],
    ];
    for (const [destination, body, contentType, says] of misfits) {
      it(`is refused: ${body} as ${contentType ?? "JSON"} for ${destination}`, async () => {
        const fault = await faultOf(() => stations.send(destination, body, { contentType }));
        expect(fault).to.be.instanceOf(MessageConversionError);
        expect((fault as MessageConversionError).publicMessage).to.equal(says);
        expect(controller.calls).to.deep.equal([]);
      });
    }
  });
});

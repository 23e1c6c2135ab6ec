import { once } from "node:events";
import { expect } from "chai";
import {
  HandlerTimeoutError,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendTo,
  type StandardSchema,
} from "express-stomp";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";
import { settled } from "../support/recording.js";

const never: StandardSchema = {
  "~standard": { version: 1, vendor: "spec", validate: () => new Promise(() => {}) },
};

class Slow {
  resolve: (value: string) => void = () => {};
  reject: (error: Error) => void = () => {};

  @MessageMapping("/never")
  never() {
    return new Promise<string>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  @MessageMapping("/schema")
  schema(@Payload(never) _payload: unknown) {}

  @MessageMapping("/signal")
  async signal(signal: AbortSignal) {
    await once(signal, "abort");
    this.reject(signal.reason as Error);
  }

  @MessageMapping("/soon")
  async soon() {
    return "soon";
  }
}

describe("handlerTimeout", () => {
  it("ends the wait for a method that does not settle", async () => {
    const { send, errors } = withControllers(new Slow(), { handlerTimeout: 5 });
    const fault = await faultOf(() => send("/app/never"));
    expect(fault).to.be.instanceOf(HandlerTimeoutError);
    expect(fault).to.include({
      code: "HANDLER_TIMEOUT",
      message: "Slow.never did not settle within 5 ms",
      publicMessage: undefined,
    });
    expect(errors).to.have.length(1);
  });

  it("drops what comes later, and logs what is thrown later", async () => {
    const slow = new Slow();
    const { send, toBroker, log } = withControllers(slow, { handlerTimeout: 5 });
    await faultOf(() => send("/app/never"));
    slow.resolve("late");
    await settled();
    expect(toBroker).to.deep.equal([]);

    await faultOf(() => send("/app/never"));
    slow.reject(new Error("late too"));
    await settled();
    expect(log.at(-1)).to.equal("warn Slow.never failed after its handlerTimeout Error: late too");
  });

  it("bounds schemas too", async () => {
    const { send } = withControllers(new Slow(), { handlerTimeout: 5 });
    expect(await faultOf(() => send("/app/schema", "1"))).to.be.instanceOf(HandlerTimeoutError);
  });

  it("tells a method by its AbortSignal", async () => {
    const slow = new Slow();
    const told = new Promise((resolve) => {
      slow.reject = resolve;
    });
    const { send } = withControllers(slow, { handlerTimeout: 5 });
    const fault = await faultOf(() => send("/app/signal"));
    expect(await told).to.equal(fault);
  });

  it("is a fault for the exception handlers, which have their own time", async () => {
    class Careful extends Slow {
      @MessageExceptionHandler()
      @SendTo("/topic/errors")
      async late(_error: HandlerTimeoutError) {
        return "try again";
      }
    }
    const { send, toBroker } = withControllers(new Careful(), { handlerTimeout: 5 });
    await send("/app/never");
    expect(toBroker.map(bodyOf)).to.deep.equal(["try again"]);
  });

  it("does not touch a method that is in time, and 0 is without end", async () => {
    for (const handlerTimeout of [1000, 0]) {
      const { send, toBroker } = withControllers(new Slow(), { handlerTimeout });
      await send("/app/soon");
      expect(toBroker.map(bodyOf)).to.deep.equal(["soon"]);
    }
    const slow = new Slow();
    const { send, toBroker } = withControllers(slow, { handlerTimeout: 0 });
    const sent = send("/app/never");
    slow.resolve("at last");
    await sent;
    expect(toBroker.map(bodyOf)).to.deep.equal(["at last"]);
  });
});

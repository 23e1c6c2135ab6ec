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
import { FakeTimers } from "../support/fake-timers.js";
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
  let clock: FakeTimers;

  beforeEach(() => {
    clock = new FakeTimers();
  });

  /** A fault that comes when the time of a method that began is over. */
  async function faultIn(ms: number, send: () => unknown): Promise<unknown> {
    const fault = faultOf(send);
    await clock.pass(ms);
    return fault;
  }

  it("ends the wait for a method that does not settle", async () => {
    const { send, errors } = withControllers(new Slow(), { handlerTimeout: 5_000, clock });
    const fault = await faultIn(5_000, () => send("/app/never"));
    expect(fault).to.be.instanceOf(HandlerTimeoutError);
    expect(fault).to.include({
      code: "HANDLER_TIMEOUT",
      message: "Slow.never did not settle within 5000 ms",
      publicMessage: undefined,
    });
    expect(errors).to.have.length(1);
  });

  it("drops what comes later, and logs what is thrown later", async () => {
    const slow = new Slow();
    const { send, toBroker, log } = withControllers(slow, { handlerTimeout: 5_000, clock });
    await faultIn(5_000, () => send("/app/never"));
    slow.resolve("late");
    await settled();
    expect(toBroker).to.deep.equal([]);

    await faultIn(5_000, () => send("/app/never"));
    slow.reject(new Error("late too"));
    await settled();
    expect(log.at(-1)).to.equal("warn Slow.never failed after its handlerTimeout Error: late too");
  });

  it("bounds schemas too", async () => {
    const { send } = withControllers(new Slow(), { handlerTimeout: 5_000, clock });
    expect(await faultIn(5_000, () => send("/app/schema", "1"))).to.be.instanceOf(HandlerTimeoutError);
  });

  it("tells a method by its AbortSignal", async () => {
    const slow = new Slow();
    const told = new Promise((resolve) => {
      slow.reject = resolve;
    });
    const { send } = withControllers(slow, { handlerTimeout: 5_000, clock });
    const fault = await faultIn(5_000, () => send("/app/signal"));
    expect(await told).to.equal(fault);
  });

  it("is a fault for the exception handlers, which have their own time", async () => {
    class Careful extends Slow {
      @MessageExceptionHandler()
      @SendTo("/topic/errors")
      async late(_error: HandlerTimeoutError) {
        await aSecond();
        return "try again";
      }
    }
    const aSecond = () => new Promise<void>((resolve) => clock.after(1_000, resolve));
    const { send, toBroker } = withControllers(new Careful(), { handlerTimeout: 5_000, clock });
    const sent = send("/app/never");
    await clock.pass(6_000);
    await sent;
    expect(toBroker.map(bodyOf)).to.deep.equal(["try again"]);
  });

  for (const handlerTimeout of [5_000, 0]) {
    it(`does not touch a method that is in time${handlerTimeout === 0 ? "; 0 is without end" : ""}`, async () => {
      const slow = new Slow();
      const { send, toBroker } = withControllers(slow, { handlerTimeout, clock });
      await send("/app/soon");
      const sent = send("/app/never");
      await clock.pass(handlerTimeout === 0 ? 3_600_000 : 4_999);
      slow.resolve("at last");
      await sent;
      expect(toBroker.map(bodyOf)).to.deep.equal(["soon", "at last"]);
    });
  }
});

import { expect } from "chai";
import {
  ConfigurationError,
  DestinationVariable,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendToUser,
  type StompMessagingOptions,
} from "express-stomp";
import * as v from "valibot";
import { z } from "zod";

const Order = z.object({ item: z.string(), count: z.coerce.number() });

/** For the compiler: `@ts-expect-error` is itself an error where there is none. */
function decorated() {
  class Controller {
    @MessageMapping("/output")
    output(@Payload(Order) _order: { item: string; count: number }) {}

    @MessageMapping("/wider")
    wider(@Payload(Order) _order: unknown) {}

    @MessageMapping("/input")
    // @ts-expect-error the schema's output has a number where its input may have text
    input(@Payload(Order) _order: { item: string; count: string }) {}

    @MessageMapping("/more")
    // @ts-expect-error the schema does not promise a price
    more(@Payload(Order) _order: { item: string; count: number; price: number }) {}

    @MessageMapping("/second")
    second(
      @DestinationVariable("id") _id: string,
      // @ts-expect-error it is the second parameter that does not fit
      @Payload(v.number()) _number: string,
    ) {}

    @MessageMapping("/optional")
    optional(@Payload(Order, { required: false }) _order?: z.infer<typeof Order>) {}

    @MessageMapping("/required")
    // @ts-expect-error nothing is among what comes
    required(@Payload(Order, { required: false }) _order: z.infer<typeof Order>) {}

    @MessageMapping("/schema")
    // @ts-expect-error it is no schema
    schema(@Payload({ item: String }) _order: unknown) {}

    @MessageMapping("/variables")
    variables(
      @DestinationVariable("a") _a: number,
      @DestinationVariable("b") _b: "on" | "off",
      @DestinationVariable("c") _c: unknown,
      @DestinationVariable("d") _d: boolean | undefined,
      // @ts-expect-error text cannot be an object
      @DestinationVariable("e") _e: { name: string },
      // @ts-expect-error nor a list
      @DestinationVariable("f") _f: string[],
    ) {}

    @MessageExceptionHandler(RangeError)
    @SendToUser("/queue/errors", { broadcast: false })
    error(_error: RangeError) {}
  }
  return Controller;
}

describe("The types of controllers", () => {
  it("catch arguments that the parameters do not take; what is no schema fails at start too", () => {
    expect(decorated).to.throw(ConfigurationError, "@Payload takes a Standard Schema");
  });

  it("know what decorators take", () => {
    const misuses = [
      // @ts-expect-error an error's class, not an error
      () => MessageExceptionHandler(new Error("x")),
      // @ts-expect-error options come last
      () => SendToUser({ broadcast: false }, "/queue/a"),
      // @ts-expect-error there is no such option
      () => SendToUser("/queue/a", { all: true }),
      // @ts-expect-error a schema is a Standard Schema
      () => Payload({ required: true, parse: () => 1 }),
    ];
    for (const misuse of misuses) expect(misuse).to.throw(ConfigurationError);
  });

  it("know what the validator is", () => {
    // @ts-expect-error it has a method validate
    const options: Partial<StompMessagingOptions> = { validator: { check() {} } };
    expect(options).to.be.an("object");
  });
});

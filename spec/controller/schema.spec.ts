import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import { expect } from "chai";
import {
  ConfigurationError,
  MessageExceptionHandler,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  SendTo,
  type StandardSchema,
  SubscribeMapping,
} from "express-stomp";
import * as v from "valibot";
import { z } from "zod";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";

const ZodOrder = z.object({ item: z.string().min(1), lines: z.array(z.object({ count: z.number().int() })) });
const ValibotOrder = v.object({
  item: v.pipe(v.string(), v.minLength(1)),
  lines: v.array(v.object({ count: v.number() })),
});
const ArktypeOrder = type({ item: "string > 0", lines: type({ count: "number" }).array() });
const KnownItem = z.object({ item: z.string() }).refine(async ({ item }) => item === "tea", {
  message: "is not sold here",
  path: ["item"],
});

const broken: StandardSchema = {
  "~standard": { version: 1, vendor: "spec", validate: () => Promise.reject(new Error("no database")) },
};

/** Waits with a thenable that is no `Promise`, as other libraries' promises are. */
const thenable: StandardSchema = {
  "~standard": {
    version: 1,
    vendor: "spec",
    validate: () => {
      const result = Promise.resolve({ issues: [{ message: "is refused" }] });
      const then = result.then.bind(result);
      return { then } as typeof result;
    },
  },
};

class OrderController {
  @MessageMapping("/zod")
  zod(@Payload(ZodOrder) order: z.infer<typeof ZodOrder>) {
    return order.item;
  }

  @MessageMapping("/valibot")
  valibot(@Payload(ValibotOrder) order: v.InferOutput<typeof ValibotOrder>) {
    return order.item;
  }

  @MessageMapping("/arktype")
  arktype(@Payload(ArktypeOrder) order: typeof ArktypeOrder.infer) {
    return order.item;
  }

  @MessageMapping("/async")
  async(@Payload(KnownItem) order: { item: string }) {
    return order.item;
  }

  @MessageMapping("/transformed")
  transformed(@Payload(z.string().transform((text) => text.length)) length: number) {
    return length;
  }

  @MessageMapping("/nullable")
  nullable(@Payload(z.null()) nothing: null) {
    return [nothing];
  }

  @MessageMapping("/optional")
  optional(@Payload(z.object({}), { required: false }) order?: object) {
    return [typeof order];
  }

  @MessageMapping("/many")
  many(@Payload(z.array(z.number())) numbers: number[]) {
    return numbers;
  }

  @MessageMapping("/thenable")
  thenable(@Payload(thenable) value: unknown) {
    return `taken: ${String(value)}`;
  }

  @MessageMapping("/broken")
  broken(@Payload(broken) value: unknown) {
    return value;
  }
}

describe("@Payload with a schema", () => {
  const handled = async (destination: string, body: unknown) => {
    const { send, toBroker } = withControllers(new OrderController());
    await send(destination, JSON.stringify(body));
    return bodyOf(toBroker[0]);
  };
  const refused = async (destination: string, body: unknown) => {
    const { send } = withControllers(new OrderController());
    return (await faultOf(() => send(destination, JSON.stringify(body)))) as MethodArgumentNotValidError;
  };

  for (const library of ["zod", "valibot", "arktype"]) {
    it(`gives what ${library} lets pass`, async () => {
      expect(await handled(`/app/${library}`, { item: "tea", lines: [{ count: 1 }] })).to.equal("tea");
    });

    it(`refuses what ${library} does not, with the paths of the fields`, async () => {
      const fault = await refused(`/app/${library}`, { item: "", lines: [{ count: 1 }, { count: "x" }] });
      expect(fault).to.be.instanceOf(MethodArgumentNotValidError);
      expect(fault.code).to.equal("METHOD_ARGUMENT_NOT_VALID");
      expect(fault.issues.map(({ path }) => path)).to.deep.equal([["item"], ["lines", 1, "count"]]);
      expect(fault.publicMessage).to.match(/^The payload is not valid: item: .+; lines.1.count: /);
    });
  }

  it("waits for an asynchronous one, and neither calls nor skips the method before", async () => {
    expect(await handled("/app/async", { item: "tea" })).to.equal("tea");

    const fault = await refused("/app/async", { item: "tar" });
    expect(fault.issues).to.deep.equal([{ path: ["item"], message: "is not sold here" }]);
  });

  it("waits for a thenable too", async () => {
    expect((await refused("/app/thenable", {})).issues).to.deep.equal([{ path: [], message: "is refused" }]);
  });

  it("gives the schema's output, whatever the payload was", async () => {
    expect(await handled("/app/transformed", "four")).to.equal("4");
    expect(await handled("/app/nullable", null)).to.equal("[null]");
  });

  it("is not asked about an empty payload", async () => {
    const { send, toBroker } = withControllers(new OrderController());
    await send("/app/optional", "");
    expect(toBroker.map(bodyOf)).to.deep.equal(['["undefined"]']);

    const fault = (await faultOf(() => send("/app/zod", ""))) as MethodArgumentNotValidError;
    expect(fault).to.be.instanceOf(MethodArgumentNotValidError);
    expect(fault.issues).to.deep.equal([{ path: [], message: "Payload value must not be empty" }]);
  });

  it("names five fields at most, and keeps the text short", async () => {
    const many = await refused("/app/many", Array(100).fill("x"));
    expect(many.issues).to.have.length(100);
    expect(many.publicMessage?.match(/; /g)).to.have.length(4);
    expect(many.publicMessage?.endsWith("…")).to.equal(true);
  });

  it("is a fault like another when the schema itself fails", async () => {
    const fault = await refused("/app/broken", {});
    expect(fault).to.not.be.instanceOf(MethodArgumentNotValidError);
    expect(fault.message).to.equal("OrderController.broken failed: no database");
  });

  it("lets an exception handler answer with the fields", async () => {
    class Answering extends OrderController {
      @MessageExceptionHandler()
      @SendTo("/topic/errors")
      invalid(error: MethodArgumentNotValidError) {
        return error.issues.map(({ path }) => path.join("."));
      }
    }
    const { send, toBroker } = withControllers(new Answering());
    await send("/app/zod", '{"item":"","lines":[{"count":1.5}]}');
    expect(toBroker.map(bodyOf)).to.deep.equal(['["item","lines.0.count"]']);
  });

  it("fails at start with what is no schema, and where SUBSCRIBE has no payload", () => {
    expect(() => Payload({ required: 1 } as never)).to.throw(ConfigurationError, "@Payload takes a Standard");
    expect(() => Payload(z.string(), { optional: true } as never)).to.throw(ConfigurationError);
    class Subscribing {
      @SubscribeMapping("/a")
      handle(@Payload(z.string()) _text: string) {}
    }
    expect(() => withControllers(new Subscribing())).to.throw(ConfigurationError, "SUBSCRIBE has no payload");
  });

  it("takes whatever the standard's own types describe", () => {
    const takes = (schema: StandardSchemaV1<unknown, number>): StandardSchema<number> => schema;
    expect(takes(z.coerce.number())).to.have.property("~standard");
  });
});

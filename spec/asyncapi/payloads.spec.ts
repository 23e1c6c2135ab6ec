import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { expect } from "chai";
import { Controller, MessageMapping } from "express-stomp";
import { type AsyncApiInfo } from "express-stomp/asyncapi";
import * as v from "valibot";
import { z } from "zod";
import { apiOf, resolved } from "../support/async-api-of.js";

describe("asyncApi, of payloads", () => {
  const sending = (schema: AsyncApiInfo["messages"] & object) => apiOf({}, { messages: schema });

  it("says what the schemas of zod, arktype and valibot's adapter take", () => {
    const object = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
    const { document, warnings } = sending({
      "/topic/zod": z.object({ a: z.string() }),
      "/topic/arktype": type({ a: "string" }),
      "/topic/valibot": toStandardJsonSchema(v.object({ a: v.string() })),
    });
    for (const name of ["zod", "arktype", "valibot"]) {
      const { payload } = document.channels[`topic.${name}`]?.messages.message ?? {};
      expect(resolved(document, payload), name).to.deep.equal(object);
    }
    expect(warnings).to.deep.equal([]);
  });

  it("says each schema once, under the name that it has", () => {
    const person = z.object({ name: z.string() }).meta({ id: "Person" });
    const { document } = sending({
      "/topic/one": person,
      "/topic/two": person,
      "/topic/all": z.object({ people: z.array(person) }).meta({ title: "All people" }),
      "/topic/text": z.string(),
    });
    expect(document.components.schemas).to.deep.equal({
      Person: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      AllPeople: {
        type: "object",
        title: "All people",
        properties: { people: { type: "array", items: { $ref: "#/components/schemas/Person" } } },
        required: ["people"],
      },
    });
    expect(document.channels["topic.one"]?.messages.message?.payload).to.deep.equal(
      document.channels["topic.two"]?.messages.message?.payload,
    );
    expect(document.channels["topic.text"]?.messages.message?.payload).to.deep.equal({ type: "string" });
  });

  it("keeps apart what has one name, and is not the same", () => {
    const named = (shape: z.ZodRawShape) => z.object(shape).meta({ title: "Person" });
    const { document } = sending({
      "/topic/one": named({ name: z.string() }),
      "/topic/two": named({ age: z.number() }),
      "/topic/three": named({ name: z.string() }),
    });
    expect(Object.keys(document.components.schemas ?? {})).to.deep.equal(["Person", "Person2"]);
    expect(document.channels["topic.three"]?.messages.message?.payload).to.deep.equal({
      $ref: "#/components/schemas/Person",
    });
  });

  it("takes recursive schemas", async () => {
    interface Tree {
      name: string;
      children: Tree[];
    }
    const tree: z.ZodType<Tree> = z.object({ name: z.string(), children: z.lazy(() => z.array(tree)) });
    const api = sending({
      "/topic/tree": tree,
      "/topic/forest": z.object({ trees: z.array(tree) }),
    });
    const { schemas = {} } = api.document.components;
    expect(schemas.TopicTreeMessage).to.have.nested.property("properties.children.items").that.deep.equals({
      $ref: "#/components/schemas/TopicTreeMessage",
    });
    const { items } = (schemas.TopicForestMessage as { properties: { trees: { items: object } } }).properties
      .trees;
    expect(resolved(api.document, items))
      .to.have.nested.property("properties.children.items")
      .that.deep.equals(items);
  });

  it("leaves names and values alone that look like references", () => {
    const { document } = sending({ "/topic/a": z.object({ $ref: z.literal("#/definitions/x") }) });
    expect(document.components.schemas?.TopicAMessage?.properties).to.deep.equal({
      $ref: { type: "string", const: "#/definitions/x" },
    });
  });

  it("warns once of a library that cannot describe itself, and names what can", () => {
    const schema = v.object({ a: v.string() });
    const { document, warnings } = sending({ "/topic/a": schema, "/topic/b": v.string() });
    expect(warnings).to.deep.equal([
      "Schemas of valibot have no Standard JSON Schema: give asyncApi toStandardJsonSchema of @valibot/to-json-schema: message of /topic/a, message of /topic/b",
    ]);
    expect(document.channels["topic.a"]?.messages.message?.payload).to.deep.equal({});
  });

  it("describes such schemas by the application's function, and asks it for no others", () => {
    const asked: unknown[] = [];
    const [plain, complete] = [v.object({ a: v.string() }), z.object({ b: z.number() })];
    const { document, warnings } = apiOf(
      {},
      {
        messages: { "/topic/a": plain, "/topic/b": complete },
        toStandardJsonSchema: (schema: typeof plain) => {
          asked.push(schema);
          return toStandardJsonSchema(schema);
        },
      },
    );
    expect(warnings).to.deep.equal([]);
    expect(asked).to.deep.equal([plain]);
    expect(document.components.schemas?.TopicAMessage?.properties).to.deep.equal({ a: { type: "string" } });
    expect(document.info).to.not.have.property("toStandardJsonSchema");
  });

  for (const [library, schema] of [
    ["zod", z.object({ at: z.coerce.date(), text: z.string() })],
    ["valibot", toStandardJsonSchema(v.object({ at: v.date(), text: v.string() }))],
  ] as const) {
    it(`describes the rest of a schema of ${library} that cannot be described whole, and dates as JSON has them`, () => {
      const { document, warnings } = sending({ "/topic/a": schema });
      expect(document.components.schemas?.TopicAMessage?.properties).to.deep.equal({
        at: { type: "string", format: "date-time" },
        text: { type: "string" },
      });
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/^Not all of the schema can be described: .*: message of \/topic\/a$/i);
    });
  }

  it("outlives a schema that throws", () => {
    const broken = {
      "~standard": {
        version: 1,
        vendor: "broken",
        validate: (value: unknown) => ({ value }),
        jsonSchema: {
          input() {
            throw new Error("no idea");
          },
        },
      },
    };
    const { warnings } = sending({ "/topic/a": broken });
    expect(warnings).to.deep.equal(["Not all of the schema can be described: no idea: message of /topic/a"]);
  });

  it("takes an enum of thousands", async () => {
    const values = Array.from({ length: 5_000 }, (_, i) => `value ${i}`) as [string, ...string[]];
    const api = sending({ "/topic/a": z.object({ a: z.enum(values) }) });
    expect(api.document.components.schemas?.TopicAMessage)
      .to.have.nested.property("properties.a.enum")
      .with.length(5_000);
  });

  it("says the name of a class, of two classes of one name twice", () => {
    const classes = [1, 2].map(() => {
      class Order {
        declare count: number;
      }
      return Order;
    });
    const controllers = classes.map((Order, index) => {
      class Orders {
        order(_order: object) {}
      }
      Reflect.defineMetadata("design:paramtypes", [Order], Orders.prototype, "order");
      const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, "order")!;
      MessageMapping(`/order/${index}`)(Orders.prototype, "order", descriptor);
      Controller()(Orders);
      return Orders;
    });
    const { document, warnings } = apiOf({ controllers });
    expect(document.components.schemas).to.deep.equal({
      Order: { type: "object", title: "Order" },
      Order2: { type: "object", title: "Order" },
    });
    expect(Object.keys(document.operations)).to.deep.equal(["Orders.order", "Orders.order-2"]);
    expect(warnings[0]).to.match(/^Of the class Order no more than its name is known/);
  });

  it("says bytes, and what needs none", () => {
    @Controller()
    class Pictures {
      @MessageMapping("/picture")
      picture(_bytes: Uint8Array) {}

      @MessageMapping("/ping")
      ping() {}
    }
    const { channels } = apiOf({ controllers: [Pictures] }).document;
    expect(channels["app.picture"]?.messages.send).to.deep.include({
      contentType: "application/octet-stream",
      payload: { type: "string", format: "binary" },
    });
    expect(channels["app.ping"]?.messages.send).to.not.have.property("payload");
  });
});

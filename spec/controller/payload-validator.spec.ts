import { expect } from "chai";
import { plainToInstance, Type } from "class-transformer";
import { ArrayMaxSize, IsInt, IsString, MinLength, ValidateNested, validate } from "class-validator";
import {
  type ClassValidatorFunctions,
  ConfigurationError,
  classValidator,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  type PayloadValidator,
} from "express-stomp";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";

class Line {
  @IsInt()
  declare readonly count: number;
}

class Order {
  @IsString()
  @MinLength(1)
  declare readonly item: string;

  @ValidateNested({ each: true })
  @ArrayMaxSize(2)
  @Type(() => Line)
  declare readonly lines: Line[];

  get total() {
    return this.lines.reduce((sum, { count }) => sum + count, 0);
  }
}

class Undecorated {
  declare readonly name: string;
}

class OrderController {
  @MessageMapping("/order")
  order(@Payload() order: Order) {
    return order.total;
  }

  @MessageMapping("/undecorated")
  undecorated(@Payload() { name }: Undecorated) {
    return name;
  }

  @MessageMapping("/text")
  text(@Payload() text: string) {
    return text;
  }

  @MessageMapping("/open")
  open(@Payload() value: { name: string }) {
    return value.name;
  }
}

describe("classValidator", () => {
  const validator = classValidator({ plainToInstance, validate });

  it("gives instances of the class", async () => {
    const { send, toBroker } = withControllers(new OrderController(), { validator });
    await send("/app/order", '{"item":"tea","lines":[{"count":2},{"count":3}]}');
    expect(toBroker.map(bodyOf)).to.deep.equal(["5"]);
  });

  it("refuses what is not valid, with the paths of the fields", async () => {
    const { send } = withControllers(new OrderController(), { validator });
    const body = '{"item":"","lines":[{"count":2},{"count":"x"},{}]}';
    const fault = (await faultOf(() => send("/app/order", body))) as MethodArgumentNotValidError;
    expect(fault).to.be.instanceOf(MethodArgumentNotValidError);
    expect(fault.issues).to.deep.equal([
      { path: ["item"], message: "item must be longer than or equal to 1 characters" },
      { path: ["lines"], message: "lines must contain no more than 2 elements" },
      { path: ["lines", "1", "count"], message: "count must be an integer number" },
      { path: ["lines", "2", "count"], message: "count must be an integer number" },
    ]);
  });

  it("lets classes without decorators pass, and types that are no classes", async () => {
    const { send, toBroker } = withControllers(new OrderController(), { validator });
    await send("/app/undecorated", '{"name":"a"}');
    await send("/app/text", "b");
    await send("/app/open", '{"name":"c"}');
    expect(toBroker.map(bodyOf)).to.deep.equal(["a", "b", "c"]);
  });

  it("hands class-validator's own options on", async () => {
    const strict = classValidator(
      { plainToInstance, validate },
      { whitelist: true, forbidNonWhitelisted: true },
    );
    const { send } = withControllers(new OrderController(), { validator: strict });
    const body = '{"item":"tea","lines":[],"price":0}';
    const fault = (await faultOf(() => send("/app/order", body))) as MethodArgumentNotValidError;
    expect(fault.issues.map(({ path }) => path)).to.deep.equal([["price"]]);
  });

  it("is not made without both functions", () => {
    const incomplete = { plainToInstance } as unknown as ClassValidatorFunctions;
    expect(() => classValidator(incomplete)).to.throw(ConfigurationError, "validate is no function");
  });
});

describe("the option validator", () => {
  it("may be any other, synchronous too", async () => {
    const seen: unknown[] = [];
    const validator: PayloadValidator = {
      validate(value, type) {
        seen.push(type);
        return Object.assign(Object.create(type.prototype as object) as object, value);
      },
    };
    const { send, toBroker } = withControllers(new OrderController(), { validator });
    expect(send("/app/order", '{"item":"tea","lines":[]}')).to.equal(true);
    expect(toBroker.map(bodyOf)).to.deep.equal(["0"]);
    expect(seen).to.deep.equal([Order]);
  });
});

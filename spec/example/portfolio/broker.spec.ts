import { expect } from "chai";
import { brokerAt } from "../../../example/portfolio/broker.js";

describe("brokerAt", () => {
  it("refuses an address that is of neither kind", () => {
    expect(() => brokerAt("amqp://guest:guest@localhost:5672", "a secret of the servers")).to.throw(
      "BROKER_URL is stomp://login:passcode@host:61613 or redis://host:6379: it cannot be amqp://…",
    );
  });
});

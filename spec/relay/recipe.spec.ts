import { expect } from "chai";
import { type Cooked, connected, cook, hear } from "../example/recipes/kitchen.js";
import { onRabbitMq } from "../support/brokers.js";
import { untilAvailable } from "../support/until-available.js";

describe("The recipe rabbitmq", function () {
  this.timeout(120_000);

  onRabbitMq((broker) => {
    let cooked: Cooked<typeof import("../../example/recipes/rabbitmq.js")> | undefined;

    afterEach(() => cooked?.close());

    it("answers, and reaches users, over RabbitMQ", async () => {
      const { host, port, login, passcode } = broker();
      cooked = await cook(() => import("../../example/recipes/rabbitmq.js"), {
        RABBITMQ_HOST: host,
        RABBITMQ_PORT: `${port}`,
        RABBITMQ_LOGIN: login,
        RABBITMQ_PASSCODE: passcode,
      });
      await untilAvailable(cooked.recipe.messaging, true);
      const client = cooked.client("?user=rod");
      await connected(client);
      const chat = await hear(client, "/topic/chat");
      const notes = await hear(client, "/user/queue/notes");

      const headers = { "content-type": "text/plain" };
      client.publish({ destination: "/app/say", body: "hello", headers });
      expect((await chat.next()).body).to.equal("hello");
      const url = `http://127.0.0.1:${cooked.port}/notify/rod`;
      expect((await fetch(url, { method: "POST", body: "for you", headers })).status).to.equal(202);
      expect((await notes.next()).body).to.equal("for you");
      expect((await fetch(`http://127.0.0.1:${cooked.port}/ready`)).status).to.equal(200);
    });
  });
});

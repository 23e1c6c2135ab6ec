import { expect } from "chai";
import { SubscribableChannel } from "#lib/channel/channel.js";
import { sessionOrder } from "#lib/channel/orders.js";
import { Delivery } from "#lib/message/delivery.js";
import { createMessage } from "#lib/message/message.js";

describe("A delivery that waits for an interceptor", () => {
  it("gets no headers of its own unless somebody looks, whatever bounds its waiting", async () => {
    const { headers, payload } = createMessage(Buffer.from("x"), { destination: "/topic/a" });
    let copies = 0;
    const publication = {
      payload,
      headers: new Proxy(headers, {
        ownKeys(target) {
          copies++;
          return Reflect.ownKeys(target);
        },
      }),
    };
    const channel = new SubscribableChannel("clientOutboundChannel", {
      logger: console,
      handlerTimeout: 10_000,
      order: sessionOrder({ limit: 10_000 }),
      interceptors: [{ preSend: async (message) => message }],
    });
    channel.subscribe({ handle() {} });
    const sent = [1, 2].map(() =>
      channel.carry(new Delivery(publication, { sessionId: "s", id: "sub-0", gone: false })),
    );
    const waiting = channel.waiting("s");
    expect(await Promise.all(sent)).to.deep.equal([true, true]);
    expect(copies).to.equal(0);
    expect(waiting).to.equal(2 * (96 + "x".length + "/topic/a".length + "sub-0".length));
  });
});

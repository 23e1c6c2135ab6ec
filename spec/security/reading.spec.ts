import { expect } from "chai";
import { messageSecurity } from "express-stomp";
import { onActiveMq, onRabbitMq } from "../support/brokers.js";
import { TcpStomp } from "../support/tcp-stomp.js";

const SECRET = "/topic/secret.plans";

const security = messageSecurity(
  (messages) =>
    messages
      .simpDestMatchers("/topic/secret.**")
      .denyAll()
      .simpDestMatchers("/topic/**", "/queue/**")
      .permitAll()
      .anyMessage()
      .denyAll(),
  { broker: "relay", destinationSeparator: "." },
);

describe("Rules for a relay's broker", function () {
  this.timeout(60_000);
  const clients: TcpStomp[] = [];

  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
  });

  for (const [onBroker, sent, heard] of [
    [
      onActiveMq,
      [
        " /topic/secret.plans",
        "\u0001/topic/secret.plans",
        "/topic/ secret.plans",
        "/topic/\tsecret.plans",
        "/topic/\u0001secret.plans",
        "/topic/secret.plans ",
        "/topic/secret.plans\u001f",
        "/topic/secret.plans?x=1",
        "/topic/news,/topic/secret.plans",
        "/topic/news,/topic/ secret.plans",
      ],
      [
        "/topic/ secret.plans",
        "/topic/secret.plans\u0001",
        "/topic/secret.plans?x=1",
        "/topic/*.plans",
        "/topic/>",
      ],
    ],
    [
      onRabbitMq,
      ["/exchange/amq.topic/secret.plans"],
      ["/exchange/amq.topic/secret.plans", "/topic/*.plans", "/topic/#", "/topic/#.plans"],
    ],
  ] as const) {
    onBroker((broker) => {
      async function connect() {
        const client = await TcpStomp.connect(broker());
        clients.push(client);
        return client;
      }

      /** What a listener hears of something that is sent. */
      async function reaches(destination: string, listening: string): Promise<boolean> {
        const [sender, listener] = [await connect(), await connect()];
        listener.send("SUBSCRIBE", { id: "1", destination: listening });
        await listener.synchronize();
        sender.send("SEND", { destination }, "hush");
        await sender.synchronize();
        return (await listener.synchronize()).some(({ body }) => body === "hush");
      }

      for (const destination of sent) {
        it(`deny a SEND to ${JSON.stringify(destination)}, which gets there`, async () => {
          expect(await reaches(destination, SECRET)).to.equal(true);
          expect((await security.decide(undefined, { type: "MESSAGE", destination })).granted).to.equal(
            false,
          );
        });
      }

      for (const destination of heard) {
        it(`deny a SUBSCRIBE to ${JSON.stringify(destination)}, which hears what is sent there`, async () => {
          expect(await reaches(SECRET, destination)).to.equal(true);
          const decision = await security.decide(undefined, { type: "SUBSCRIBE", destination });
          expect(decision.granted).to.equal(false);
        });
      }
    });
  }
});

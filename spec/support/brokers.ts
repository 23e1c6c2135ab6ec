import type { StompBrokerRelayOptions } from "express-stomp";
import type { BrokerProcess, RealBroker } from "../../example/shared/broker-process.js";
import { findRabbitMq } from "../../example/shared/programs.js";
import { type RabbitMqPolicy, startRabbitMq } from "../../example/shared/rabbitmq.js";
import { startActiveMq } from "./activemq.js";
import { findActiveMq, missing, tryAgain } from "./programs.js";

/** A segment of a stream is closed when it is full, and the oldest go then: by default it is full at 500 MB. */
const SHORT_STREAMS: RabbitMqPolicy = {
  name: "short",
  pattern: "^stream\\.short\\.",
  definition: { "max-length-bytes": 2_000, "stream-max-segment-size-bytes": 1_000 },
};

/**
 * Describes something once for each real broker: RabbitMQ, ActiveMQ, and
 * whatever answers at `STOMP_RELAY_URL` (`stomp://login:passcode@host:61613`).
 *
 * @param describeOn `broker()` gives it, from `before` hooks on
 */
export function onEachBroker(describeOn: (broker: () => RealBroker, name: string) => void): void {
  onRabbitMq(describeOn);
  onActiveMq(describeOn);
  const url = process.env.STOMP_RELAY_URL;
  if (url) {
    const { hostname: host, port, username, password } = new URL(url);
    const [login, passcode] = [username, password].map(decodeURIComponent) as [string, string];
    const name = `the broker at ${host}:${port}`;
    describe(`on ${name}`, () =>
      describeOn(() => ({ name, host, port: Number(port), login, passcode }), name));
  }
}

export function onRabbitMq(describeOn: (broker: () => BrokerProcess, name: string) => void): void {
  describe("on RabbitMQ", () => {
    before(async function () {
      this.timeout(120_000);
      tryAgain(this);
      const program = findRabbitMq() ?? missing(this, "RabbitMQ");
      rabbitMq ??= (await startRabbitMq(program, { policies: [SHORT_STREAMS] })).broker;
    });

    describeOn(() => rabbitMq!, "RabbitMQ");
  });
}

export function onActiveMq(describeOn: (broker: () => BrokerProcess, name: string) => void): void {
  describe("on ActiveMQ", () => {
    before(async function () {
      this.timeout(120_000);
      tryAgain(this);
      const jar = findActiveMq() ?? missing(this, "ActiveMQ");
      activeMq ??= await startActiveMq(jar);
    });

    describeOn(() => activeMq!, "ActiveMQ");
  });
}

/** What makes the relay one to this broker; all log in as it says. */
export function relayTo({ host, port, login, passcode }: RealBroker): StompBrokerRelayOptions {
  return {
    relayHost: host,
    relayPort: port,
    clientLogin: login,
    clientPasscode: passcode,
    systemLogin: login,
    systemPasscode: passcode,
  };
}

/** One of each for all specs, started with the first that needs it. Who kills one leaves it running again. */
let rabbitMq: BrokerProcess | undefined;
let activeMq: BrokerProcess | undefined;

after(async function () {
  this.timeout(120_000);
  await Promise.all([rabbitMq?.stop(), activeMq?.stop()]);
});

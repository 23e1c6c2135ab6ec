import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { findRedis } from "../../example/shared/programs.js";
import { startRedis } from "../../example/shared/redis.js";
import { startNats } from "./nats.js";
import { findNats, missing, tryAgain } from "./programs.js";

/** Describes something on a real Redis, or a Valkey in its place. */
export function onRedis(describeOn: (redis: () => BrokerProcess) => void): void {
  describe("on Redis", () => {
    before(async function () {
      this.timeout(120_000);
      tryAgain(this);
      const program = findRedis() ?? missing(this, "Redis");
      redis ??= await startRedis(program);
    });

    describeOn(() => redis!);
  });
}

/** Describes something on a real NATS, with JetStream. */
export function onNats(describeOn: (nats: () => BrokerProcess) => void): void {
  describe("on NATS", () => {
    before(async function () {
      this.timeout(120_000);
      tryAgain(this);
      const program = findNats() ?? missing(this, "NATS");
      nats ??= await startNats(program);
    });

    describeOn(() => nats!);
  });
}

/** One of each for all specs, started with the first that needs it. A spec that kills one leaves it running again. */
let redis: BrokerProcess | undefined;
let nats: BrokerProcess | undefined;

after(async function () {
  this.timeout(120_000);
  await Promise.all([redis?.stop(), nats?.stop()]);
});

import { type Broker, type BrokerFactory, type PresenceOptions, simpleBroker } from "express-stomp";
import { BrokerHub, type HubConnection } from "./broker-hub.js";
import { FakeTime } from "./fake-time.js";
import { PresenceStage } from "./presence-stage.js";

const REGISTRY = "/topic/servers.registry";
const EXPIRATION = 20_000;

export interface PresenceServer extends PresenceStage {
  readonly line: HubConnection;
}

/** Several servers that tell each other who is connected, in one time; each with its own simple broker. */
export class PresenceServers {
  readonly hub = new BrokerHub();
  readonly time = new FakeTime();
  readonly all: PresenceServer[] = [];

  /** @param told whether it tells the others, and hears them */
  async open(presence: PresenceOptions = {}, told = true): Promise<PresenceServer> {
    const line = this.hub.connect();
    const broker = brokerOnHub(line, told);
    const stage = Object.assign(await PresenceStage.open(presence, { broker }, this.time), { line });
    this.all.push(stage);
    return stage;
  }

  /** Opens some that know each other. */
  async openAll(count: number, presence: PresenceOptions = {}): Promise<PresenceServer[]> {
    for (let i = 0; i < count; i++) await this.open(presence);
    await this.pass(2_000);
    return this.all;
  }

  /** Lets time pass for all of them. */
  async pass(ms: number): Promise<void> {
    const [any] = this.all;
    // What they say to each other takes some turns.
    for (let passed = 0; passed < ms; passed += 50) await any?.pass(Math.min(50, ms - passed));
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((server) => server.close()));
  }
}

function brokerOnHub(line: HubConnection, told: boolean): BrokerFactory {
  const make = simpleBroker({ destinationPrefixes: ["/topic"] });
  return (context) => {
    const broker = make(context);
    const servers = {
      secret: "a secret of the servers",
      userDestinationBroadcast: undefined,
      userRegistryBroadcast: told ? REGISTRY : undefined,
      registryExpirationPeriod: EXPIRATION,
      messageSizeLimit: 1024 * 1024,
    };
    const application: Broker["application"] = {
      handle: (message) =>
        (message.headers.destination === REGISTRY ? line.application : broker).handle(message),
    };
    return Object.assign(broker, { system: line.system, servers: told ? servers : undefined, application });
  };
}

import {
  type MessagingStats,
  messageSecurity,
  readiness,
  type SimpleBrokerOptions,
  type StompBrokerRelayOptions,
  type StompMessagingOptions,
  simpleBroker,
  stompBrokerRelay,
} from "express-stomp";
import {
  BackplaneHub,
  type FakeClock,
  FaultyBackplane,
  fakeClock,
  type TestClient,
  type TestMessaging,
  testMessaging,
} from "express-stomp/testing";
import { ScriptedBroker } from "./scripted-broker.js";
import { startServer, type TestServer } from "./server.js";
import { TopicBroker } from "./topic-broker.js";
import { untilAvailable } from "./until-available.js";

const turned = () => new Promise((resolve) => setImmediate(resolve));

/** What stands beside a feature. */
export type Beside = "two servers" | "the relay" | "SockJS" | "rules";

/** The options of a feature, of each server the same. */
export interface PairOptions {
  readonly broker?: SimpleBrokerOptions;
  readonly relay?: StompBrokerRelayOptions;
  /** Made for each server. */
  readonly options?: () => Partial<StompMessagingOptions>;
}

/** One server, and clients without a port. */
interface Side extends TestServer {
  readonly kit: TestMessaging;
}

/** A feature's servers: the application acts on one, its users may be on another. */
export class PairStage {
  readonly clock: FakeClock = fakeClock();
  readonly beside: Beside | undefined;
  readonly #sides: Side[] = [];
  readonly #backplanes: FaultyBackplane[] = [];
  #broker: ScriptedBroker | undefined;

  private constructor(beside: Beside | undefined) {
    this.beside = beside;
  }

  /** @param beside nothing: one server, WebSocket */
  static async open(beside?: Beside, pair: PairOptions = {}): Promise<PairStage> {
    const stage = new PairStage(beside);
    if (beside === "the relay") {
      stage.#broker = await ScriptedBroker.open();
      new TopicBroker(stage.#broker, "shared").isEchoing = true;
    }
    const hub = new BackplaneHub({ remembers: 100 });
    for (let count = beside === "two servers" ? 2 : 1; count > 0; count--) await stage.#start(pair, hub);
    return stage;
  }

  /** Where the application acts. */
  get here(): Side {
    return this.#sides[0] as Side;
  }

  /** Where users are. */
  get there(): Side {
    return this.#sides.at(-1) as Side;
  }

  /** Connects a user to the server where users are. */
  connect(user = "rod", side = this.there): Promise<TestClient> {
    return side.kit.connect({ user, transport: this.beside === "SockJS" ? "xhr-streaming" : "websocket" });
  }

  /** What clients see of it, on all servers. */
  sum(read: (stats: MessagingStats) => number | undefined): number {
    return this.#sides.reduce((sum, { messaging }) => sum + (read(messaging.stats()) ?? 0), 0);
  }

  /** The broker, or the backplane of the server where users are, is lost. Without either nothing can be. */
  async lose(): Promise<boolean> {
    const { messaging } = this.there;
    if (this.#backplanes.length > 0) this.#backplanes.at(-1)?.away();
    else if (this.#broker) await this.#broker.close();
    else return false;
    await untilAvailable(messaging, false);
    return true;
  }

  /** Waits for what no event tells of. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await turned();
  }

  /** What a load balancer is answered. */
  async ready(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.there.port}/ready`)).status;
  }

  /** Lets as much time pass as something takes. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    for (await turned(); !isOver; await turned()) await this.clock.pass(100);
    return over;
  }

  async close(): Promise<void> {
    await this.passing(Promise.all(this.#sides.map((side) => side.close())));
    await this.#broker?.close().catch(() => {});
  }

  async #start({ broker, relay, options }: PairOptions, hub: BackplaneHub): Promise<void> {
    const side = await startServer({
      clock: this.clock,
      broker: this.#brokerOf(broker, relay, hub),
      ...(this.beside === "rules" && { security: rules() }),
      ...options?.(),
    });
    side.app.get("/ready", readiness(side.messaging));
    this.#sides.push({
      ...side,
      kit: await testMessaging(side.app, side.messaging, { clock: this.clock, allowErrors: true }),
    });
    await untilAvailable(side.messaging);
  }

  #brokerOf(broker: SimpleBrokerOptions = {}, relay: StompBrokerRelayOptions = {}, hub: BackplaneHub) {
    if (this.#broker) {
      return stompBrokerRelay({ destinationPrefixes: ["/topic"], relayPort: this.#broker.port, ...relay });
    }
    if (this.beside !== "two servers") return simpleBroker({ destinationPrefixes: ["/topic"], ...broker });
    const backplane = new FaultyBackplane(hub);
    this.#backplanes.push(backplane);
    return simpleBroker({ destinationPrefixes: ["/topic"], backplane, trusted: true, ...broker });
  }
}

/** Users may do what the features' specs do, and nobody anything else. */
function rules() {
  return messageSecurity((messages) =>
    messages
      .nullDestMatcher()
      .authenticated()
      .simpSubscribeDestMatchers("/topic/**", "/user/queue/*")
      .authenticated()
      .simpMessageDestMatchers("/app/**")
      .authenticated()
      .simpMessageDestMatchers("/topic/open/*")
      .permitAll()
      .anyMessage()
      .denyAll(),
  );
}

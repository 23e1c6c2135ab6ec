import { systemClock } from "../clock/clock.js";
import { parseUserDestination } from "../destination/user-destination.js";
import { BrokerNotAvailableError } from "../errors.js";
import type { MessagingEvents } from "../events.js";
import { type Message, withHeaders } from "../message/message.js";
import { publication } from "../message/publication.js";
import { isPromise } from "../promise.js";
import { type BackplaneSettings, takeBackplane } from "../servers/backplane-settings.js";
import type { MissedReason } from "../servers/log-follower.js";
import { onceLogger } from "../servers/once-logger.js";
import type { Position } from "../servers/position.js";
import { type Arrival, type Outgoing, type OutgoingMessage, Publications } from "../servers/publications.js";
import type { ServerRoads } from "../servers/roads.js";
import { serversKey } from "../servers/seal.js";
import { obey, type SessionsTold } from "../servers/sessions-broadcast.js";
import { publishOn, SplitBackplane, sizeLimitOf } from "../servers/split-backplane.js";
import type { UsersOfAllServers } from "../servers/users-of-all-servers.js";
import type { BrokerContext } from "./broker.js";
import type { Positions } from "./history/positions.js";
import { Publication } from "./publication.js";

export interface SharedPublicationsOptions {
  readonly settings: BackplaneSettings;
  readonly context: BrokerContext;
  readonly positions: Positions;
  /** Whether messages are kept, and the log is to be read for those of before. */
  readonly keeps: boolean;
  /** Publishes to subscribers of this server what has come for all. */
  publish(message: Message): void | Promise<void>;
  /** Keeps what was published before this server listened. @param user the user whom it is for, if it is not for everybody */
  keep(publication: Publication, age: number, user: string | undefined): void;
  /** Something was missed before the next publication: what was kept is not all any more. */
  missed(): void;
  availability(isAvailable: boolean): void;
}

type Handler = Parameters<UsersOfAllServers["serve"]>[0];

/** Publications of a broker for all servers of its backplane, and those that come from there. */
export class SharedPublications implements UsersOfAllServers {
  readonly roads: ServerRoads;
  readonly #options: SharedPublicationsOptions;
  readonly #split: SplitBackplane;
  readonly #publications: Publications;
  /** The beginning of the ids of messages that are published on this server alone. */
  readonly #ownPrefix: string;
  #ownCount = 0;
  #gaps = 0;
  #handler: Handler | undefined;
  /** While clients are behind who were given what came. */
  #feeding: Promise<void> | undefined;

  /** @throws ConfigurationError when the backplane serves another broker */
  constructor(options: SharedPublicationsOptions) {
    const { settings, context, positions, keeps } = options;
    const { backplane, secret, registryExpirationPeriod: expiration } = settings;
    const { clock = systemClock } = context;
    const logger = onceLogger(context.logger);
    takeBackplane("simpleBroker", backplane);
    this.#options = options;
    this.#ownPrefix = `own-${positions.idOf(0)}-`;
    const key = secret === undefined ? undefined : serversKey(secret);
    this.#publications = new Publications({
      road: {
        name: backplane.name,
        sizeLimit: sizeLimitOf(backplane),
        publish: (bytes) => publishOn(backplane, "publications", bytes),
      },
      key,
      clock,
      logger,
      take: (incoming, arrival) => this.#take(incoming, arrival),
      missed: () => this.#missed("lost", undefined),
    });
    this.#split = new SplitBackplane({
      backplane,
      clock,
      logger,
      readsAll: keeps,
      publications: {
        take: ({ bytes, position }, isOld) => this.#publications.receive(bytes, position, isOld),
        passes: (position) => positions.follow(position),
        begins: (first) => this.#restart(first),
        missed: (reason, next) => {
          this.#publications.forgive();
          this.#missed(reason, next);
        },
        availability: (isAvailable) => options.availability(isAvailable),
      },
    });
    const split = this.#split;
    this.roads = {
      key,
      logger,
      expiration,
      registry: { backplane: split.road("registry"), purpose: "registry" },
      isHeld: () => split.isHeld,
    };
  }

  get isAvailable(): boolean {
    return this.#split.isAvailable;
  }

  /** Settles when what others publish is heard from now on; `undefined` if it is, or the backplane is away. Never rejects. */
  get listening(): Promise<void> | undefined {
    return this.#split.joining;
  }

  /** How often something was missed. */
  get gaps(): number {
    return this.#gaps;
  }

  serve(handler: Handler): void {
    this.#handler = handler;
  }

  tell(told: SessionsTold): Promise<void> {
    return this.#publish({ sessions: told });
  }

  /** @throws MessageDeliveryError, at once, when it is too long, or the backplane is away */
  send(message: Message, { byClient }: { readonly byClient: boolean }): Promise<void> {
    return this.#publish({ message, toUser: true, byClient });
  }

  /**
   * Publishes a message to a topic. Resolves when all servers will hear it.
   *
   * @throws MessageDeliveryError, at once, when it is too long, or the backplane is away
   */
  publish(message: Message): Promise<void> {
    return this.#publish(topic(message));
  }

  /** @throws MessageDeliveryError when not all of these could be published now */
  check(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.#expectAvailable();
    this.#publications.check(messages.map(topic));
  }

  /**
   * Answers a client's frame that has published something: its receipt, or ERROR, comes when that is confirmed. Its
   * next frame waits only when much is on its way.
   */
  answer({ headers }: Message, published: Promise<void>): void | Promise<void> {
    const { receipt, sessionId = "", native } = headers;
    if (receipt) receipt.waitFor(published);
    // Its sender is told of a repeat, when it was taken.
    else if (native.has("dedup-id")) return published;
    else published.catch((error: Error) => this.#options.context.sessions.end(sessionId, error));
    if (this.#publications.isBusy) return published.catch(() => {});
  }

  /** Makes a publication of a message that is for subscribers of this server now. */
  publication(message: Message): Publication {
    const { positions } = this.#options;
    const { position } = message.headers;
    if (position === undefined) {
      return new Publication(positions.top, publication(message, `${this.#ownPrefix}${++this.#ownCount}`));
    }
    const number = position === "" ? positions.next() : positions.top;
    return new Publication(number, publication(message, positions.idOf(number)), true);
  }

  async close(): Promise<void> {
    await this.#publications.close();
    await this.#split.close();
  }

  async #publish(outgoing: Outgoing): Promise<void> {
    await this.#publishing(outgoing);
    // Those who send wait for clients here that are behind, as without a backplane.
    await this.#feeding;
  }

  #publishing(outgoing: Outgoing): Promise<void> {
    this.#expectAvailable();
    return this.#publications.publish(outgoing);
  }

  #expectAvailable(): void {
    if (this.isAvailable) return;
    const { name } = this.#options.settings.backplane;
    throw new BrokerNotAvailableError(`The backplane ${name} cannot be reached`);
  }

  #take(incoming: Outgoing, { age, isOld, isOwn }: Arrival): void | Promise<void> {
    if ("message" in incoming) return isOld ? this.#keep(incoming, age) : this.#deliver(incoming);
    if (!isOld && !isOwn && this.#handler) void this.#obey(incoming.sessions, this.#handler);
  }

  async #obey(told: SessionsTold, { here }: Handler): Promise<void> {
    try {
      if (!(await obey(told, here))) this.#publications.unknown();
    } catch (error) {
      this.#failed(error);
    }
  }

  #deliver({ message, toUser, byClient }: OutgoingMessage): void | Promise<void> {
    const { context, publish } = this.#options;
    const feeding = context.sessions.feed(() => {
      const taken = toUser ? this.#handler?.deliver(message, { byClient }) : publish(message);
      if (isPromise(taken)) taken.catch((error: unknown) => this.#failed(error));
    });
    if (!feeding) return;
    this.#feeding = feeding;
    return feeding.finally(() => {
      if (this.#feeding === feeding) this.#feeding = undefined;
    });
  }

  #keep({ message, toUser }: OutgoingMessage, age: number): void {
    const { context, keep } = this.#options;
    const { destination = "", privateTo } = message.headers;
    if (!toUser) {
      keep(this.publication(message), age, undefined);
      return;
    }
    const prefix = context.userDestinationPrefix ?? "/user/";
    const address = parseUserDestination(prefix, destination);
    if (!address || privateTo !== undefined) return;
    const seen = withHeaders(message, { destination: prefix.slice(0, -1) + address.destination });
    keep(this.publication(seen), age, address.name);
  }

  #missed(reason: MissedReason, next: Position | undefined): void {
    const { positions, context, missed } = this.#options;
    const since = this.#split.position;
    if (next) positions.follow({ epoch: next.epoch, number: next.number - 1 });
    // The number of what is missing, so that no position of before seems to have seen it.
    else positions.next();
    context.logger.warn(
      `Publications of other servers may be missing: ${REASONS[reason]} (${this.#options.settings.backplane.name})`,
    );
    this.#gaps++;
    context.events.publish("messagesLost", { since, reason } satisfies MessagingEvents["messagesLost"]);
    missed();
  }

  #restart(first: Position): void {
    this.#options.positions.follow({ epoch: first.epoch, number: first.number - 1 });
    this.#options.missed();
  }

  #failed(error: unknown): void {
    this.#options.context.logger.error("A message of the backplane could not be delivered", error);
  }
}

const REASONS = {
  lost: "the backplane was away, or dropped some",
  trimmed: "its log has forgotten some before they were read",
  epoch: "its log is another one, as of before a failover or a restart",
} satisfies Record<MissedReason, string>;

function topic(message: Message): Outgoing {
  return { message, toUser: false, byClient: false };
}

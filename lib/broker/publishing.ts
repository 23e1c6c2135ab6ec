import type { SubscribableChannel } from "../channel/channel.js";
import type { Message, MessageHeaders } from "../message/message.js";
import { publication } from "../message/publication.js";
import type { BrokerCounts } from "./broker-counts.js";
import { type BrokerDestinations, checkLength } from "./broker-destinations.js";
import type { BrokerSessions } from "./broker-sessions.js";
import type { Conflation } from "./conflation.js";
import type { FanOut } from "./fan-out.js";
import type { History } from "./history/history.js";
import type { Positions } from "./history/positions.js";
import { payerOf } from "./payers.js";
import { Publication } from "./publication.js";
import type { Queues } from "./queues.js";
import type { RetainedMessages } from "./retained-messages.js";
import type { Settlements } from "./settlements.js";
import type { SharedPublications } from "./shared-publications.js";
import type { SendAction } from "./transactions.js";
import type { Turns } from "./turns.js";

/** The parts of a broker that publications pass. Those of what is off are `undefined`. */
export interface PublishingContext {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly destinations: BrokerDestinations;
  readonly sessions: BrokerSessions;
  readonly turns: Turns;
  readonly counts: Pick<BrokerCounts, "publications" | "deliveries">;
  readonly positions: Positions;
  readonly fanOut: FanOut;
  readonly queues: Queues;
  readonly settlements: Settlements;
  readonly retained: RetainedMessages | undefined;
  readonly history: History | undefined;
  readonly conflation: Conflation | undefined;
  readonly shared: SharedPublications | undefined;
}

/** Takes what is sent to where it is heard: to other servers, to a queue, to one session or user, or to a topic. */
export class Publishing {
  readonly #context: PublishingContext;

  constructor(context: PublishingContext) {
    this.#context = context;
  }

  /**
   * Publishes a SEND, if its destination is the broker's; one in a transaction goes when that is committed.
   *
   * @param byClient whether a client has sent it, and not the application
   * @throws MessageDeliveryError when it cannot be taken
   */
  send(message: Message, byClient: boolean): void | Promise<void> {
    const { headers } = message;
    const { destination } = headers;
    const { destinations, settlements } = this.#context;
    if (destination === undefined || !destinations.isOurs(headers)) return;
    checkLength(destination, destinations.separator);

    const transaction = headers.native.get("transaction");
    if (transaction !== undefined) return settlements.send(message, transaction);
    return this.inTurn(message, byClient, () => this.publish(message));
  }

  /** Sends to a user on all servers; a client's SEND in a transaction goes when that is committed. */
  async sendToUser(shared: SharedPublications, message: Message, byClient: boolean): Promise<void> {
    const transaction = byClient ? message.headers.native.get("transaction") : undefined;
    if (transaction === undefined) return shared.send(message, { byClient });
    this.#context.settlements.send(message, transaction, true);
  }

  /** Does what publishes, in its turn. A message for other servers is not done then: its client is answered later. */
  inTurn(message: Message, byClient: boolean, act: () => void | Promise<void>): void | Promise<void> {
    const { shared, turns } = this.#context;
    if (!shared) return turns.take(act);

    let published: void | Promise<void>;
    const taken = turns.take(() => {
      published = act();
    });
    const answer = () => (published && byClient ? shared.answer(message, published) : published);
    return taken ? taken.then(answer) : answer();
  }

  /**
   * @param payer who pays for the space in a queue. Default: its sender
   * @param isAdmitted whether queues have space for it
   * @returns a promise if it goes to other servers: it settles when they will hear it
   */
  publish(message: Message, payer?: string, isAdmitted = false): void | Promise<void> {
    const { shared, counts, conflation } = this.#context;
    const isPublic = isForAll(message.headers);
    if (!shared || !isPublic) counts.publications++;
    if (conflation && isPublic && conflation.holds(message)) return;
    return isPublic && shared ? shared.publish(message) : this.#publishHere(message, payer, isAdmitted);
  }

  /** Publishes what has waited to be conflated. */
  publishNow(message: Message): void | Promise<void> {
    const { shared } = this.#context;
    return shared ? shared.publish(message) : this.#publishHere(message);
  }

  /** Publishes what has come from a backplane for all, of this server too. */
  arrived(message: Message): void | Promise<void> {
    const { destinations, turns } = this.#context;
    // The servers of a deployment may have other prefixes than this one.
    if (!destinations.isOurs(message.headers)) return;
    return turns.take(() => void this.publish(message));
  }

  /** Keeps what was published on a backplane before this server listened. @param user the user whom it is for, if it is not for everybody */
  keep(kept: Publication, age: number, user: string | undefined): void {
    const { destinations, retained, history } = this.#context;
    if (user === undefined) {
      if (!destinations.isOurs(kept.headers)) return;
      retained?.keep(kept);
    }
    history?.keep(kept, user, age);
  }

  /** @throws MessageDeliveryError unless all of these can be published now, by one COMMIT */
  admit(messages: readonly Message[], payer: string): void {
    const { shared, queues, destinations } = this.#context;
    shared?.check(messages);
    const queued = messages.filter(({ headers }) => destinations.isQueue(headers));
    queues.admit(queued, payer);
  }

  /** Publishes what was admitted. */
  publishAdmitted({ message, isToUser }: SendAction, payer: string): void | Promise<void> {
    const { shared } = this.#context;
    return isToUser && shared ? shared.send(message, { byClient: true }) : this.publish(message, payer, true);
  }

  #publishHere(message: Message, payer?: string, isAdmitted = false): void {
    const { headers } = message;
    const { clientOutboundChannel, destinations, queues, fanOut, retained, history } = this.#context;
    const made = this.#publication(message);
    // An interceptor may hold it up, and who has sent it need not wait for that.
    if (clientOutboundChannel.intercepted) made.own();

    if (destinations.isQueue(headers)) {
      queues.publish(made, payer ?? payerOf(headers), isAdmitted);
      return;
    }
    const { privateTo, forSubscriptions, forUser } = headers;
    if (privateTo !== undefined) fanOut.publish(made, privateTo);
    else if (forSubscriptions) {
      for (const { sessionId, id } of forSubscriptions) this.#publishTo(made, sessionId, id);
    } else if (forUser) {
      history?.keep(made, forUser.name);
      for (const sessionId of forUser.sessionIds) fanOut.publish(made, sessionId);
    } else {
      retained?.keep(made);
      history?.keep(made);
      fanOut.publish(made, undefined);
    }
  }

  /** To one private subscription, if that is still what it was. */
  #publishTo(made: Publication, sessionId: string, id: string): void {
    const { sessions, fanOut, counts } = this.#context;
    const consumer = sessions.consumer(sessionId, id);
    if (!consumer?.isPrivate || !consumer.pattern.fits(made.headers.destination ?? "")) return;
    if (!consumer.plain) {
      consumer.offer(made);
      return;
    }
    fanOut.deliver(made, consumer);
    counts.deliveries++;
  }

  #publication(message: Message): Publication {
    const { shared, positions } = this.#context;
    if (shared) return shared.publication(message);
    const number = positions.next();
    return new Publication(number, publication(message, positions.idOf(number)));
  }
}

/** Whether it is for all subscribers of all servers: it was not sent to a user, and has not come from a backplane. */
function isForAll({ position, privateTo, forUser, forSubscriptions }: MessageHeaders): boolean {
  return (
    position === undefined &&
    privateTo === undefined &&
    forUser === undefined &&
    forSubscriptions === undefined
  );
}

import { SubscribableChannel } from "../channel/channel.js";
import { SimpMessagingTemplate } from "../channel/messaging-template.js";
import { type Clock, systemClock } from "../clock/clock.js";
import { parseUserDestination } from "../destination/user-destination.js";
import { ConfigurationError, MessageDeliveryError } from "../errors.js";
import { consoleLogger, type Logger, printable, steadyLogger } from "../logger.js";
import type { MessageConverter } from "../message/converter.js";
import { CompositeMessageConverter } from "../message/converters.js";
import type { Message } from "../message/message.js";
import { onlyKnown } from "../options/checks.js";
import type { Backplane } from "../servers/backplane.js";
import { backplaneSettings, takeBackplane } from "../servers/backplane-settings.js";
import { onceLogger } from "../servers/once-logger.js";
import { Publications } from "../servers/publications.js";
import { serversKey } from "../servers/seal.js";
import { publishOn, sizeLimitOf } from "../servers/split-backplane.js";

/** Options of `publisher`: what they say twice, servers and publisher, has to be the same. */
export interface PublisherOptions {
  /** As of the servers; made for the publisher alone. */
  backplane: Backplane;
  /** The secret of the servers. */
  secret?: string | undefined;
  /** Whether the servers do without a secret. Default: false. */
  trusted?: boolean;
  /** The beginning of users' destinations. Default `/user/`. */
  userDestinationPrefix?: string;
  /** Converters that are asked before those for text, bytes and JSON. Default: none. */
  messageConverters?: readonly MessageConverter[];
  /** Default: warnings and errors go to the console. */
  logger?: Logger;
  /** Default: the process's. */
  clock?: Clock;
}

/** A process that sends, and has no clients: a worker, a cron job, a serverless function. */
export interface Publisher {
  /** Sends to topics and to users of all servers. A promise resolves when the backplane has the message. */
  readonly template: SimpMessagingTemplate;
  /** Waits until all that was sent is with the backplane, and closes that. */
  close(): Promise<void>;
}

const OPTIONS = {
  backplane: true,
  secret: true,
  trusted: true,
  userDestinationPrefix: true,
  messageConverters: true,
  logger: true,
  clock: true,
} satisfies Record<keyof PublisherOptions, true>;

/**
 * Makes a sender to the clients of servers on a backplane, without being one of the servers. It joins the backplane, and
 * passes over what it hears there.
 * Interceptors and rules of the servers are not asked; it is as trusted as they are.
 *
 * @throws ConfigurationError when an option makes no sense, or the backplane serves a broker of this process
 * @example
 * ```ts
 * const { template, close } = publisher({ backplane, secret: process.env.SERVERS_SECRET });
 * await template.convertAndSend("/topic/prices", { symbol: "ACME", price: 42 });
 * await template.convertAndSendToUser("rod", "/queue/notes", "Your report is ready");
 * await close();
 * ```
 */
export function publisher(options: PublisherOptions): Publisher {
  onlyKnown("publisher", options, Object.keys(OPTIONS));
  const { userDestinationPrefix = "/user/", messageConverters = [], clock = systemClock } = options;
  const { backplane, secret, trusted } = options;
  const settings = backplaneSettings("publisher", {
    backplane,
    ...(secret !== undefined && { secret }),
    ...(trusted !== undefined && { trusted }),
  });
  if (!settings) throw new ConfigurationError("publisher: backplane is needed: that of the servers");
  takeBackplane("publisher", backplane);
  const prefix = userDestinationPrefix.endsWith("/") ? userDestinationPrefix : `${userDestinationPrefix}/`;
  const logger = onceLogger(steadyLogger(options.logger ?? consoleLogger));
  // Drivers are connected when they listen.
  const joined = backplane.subscribe({ take() {}, lost() {}, availability() {} });
  joined.catch((error: unknown) => logger.error(`The backplane ${backplane.name} cannot be joined`, error));
  const publications = new Publications({
    road: {
      name: backplane.name,
      sizeLimit: sizeLimitOf(backplane),
      publish: (bytes) => joined.then(() => publishOn(backplane, "publications", bytes)),
    },
    key: settings.secret === undefined ? undefined : serversKey(settings.secret),
    clock,
    logger,
  });
  const channel = new SubscribableChannel("brokerChannel", { logger, clock });
  channel.subscribe({
    name: "broker",
    handle: (message) => publications.publish({ message, ...whose(message, prefix), byClient: false }),
  });
  return {
    template: new SimpMessagingTemplate(channel, new CompositeMessageConverter(messageConverters), prefix),
    async close() {
      await publications.close();
      await backplane.close();
    },
  };
}

/** @throws MessageDeliveryError when it is under the users' prefix and names no user */
function whose({ headers: { destination = "", privateTo } }: Message, prefix: string): { toUser: boolean } {
  if (!destination.startsWith(prefix)) {
    if (privateTo === undefined) return { toUser: false };
    throw new MessageDeliveryError(`Only what is sent to ${prefix}… can be for one session`);
  }
  if (parseUserDestination(prefix, destination)) return { toUser: true };
  throw new MessageDeliveryError(`${printable(destination)} names no user, or no destination of one`);
}

import type { Broker, BrokerContext } from "../broker/broker.js";
import type { ControllerHandler } from "../controller/controller-handler.js";
import { ApplicationDestinations } from "../destination/application-destinations.js";
import { ConfigurationError } from "../errors.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { answersOf } from "./requests.js";

/**
 * Makes the broker, which keeps away from the destinations of the controllers.
 *
 * @throws ConfigurationError when the option `broker` makes something else, or a broker that reads destinations otherwise than `security`
 */
export function makeBroker(
  options: ResolvedOptions,
  controllers: ControllerHandler | undefined,
  {
    clientOutboundChannel,
    sessions,
    events,
  }: Pick<BrokerContext, "clientOutboundChannel" | "sessions" | "events">,
): Broker {
  const { applicationDestinationPrefixes, destinationSeparator, security, logger, clock } = options;
  const applications = new ApplicationDestinations(applicationDestinationPrefixes, destinationSeparator);
  const answers = answersOf(options);
  const broker = options.broker({
    clientOutboundChannel,
    sessions,
    events,
    logger,
    clock,
    destinationSeparator,
    userDestinationPrefix: options.userDestinationPrefix,
    controllers: {
      // Clients' answers are for the application alone, be there prefixes or not.
      isPrefixed: applications.arePrefixed
        ? applications.has.bind(applications)
        : (destination) => destination === answers,
      isMapped: (destination) => !applications.arePrefixed && controllers?.isMapped(destination) === true,
    },
  });
  if (typeof (broker as unknown as Partial<Broker> | undefined)?.handle !== "function") {
    throw new ConfigurationError(
      "broker takes what simpleBroker(…) or stompBrokerRelay(…) returns: this made no broker",
    );
  }
  if (security?.broker === "simple" && !broker.plainDestinations) {
    throw new ConfigurationError(
      'security was made for the simple broker, and this one may read destinations otherwise: tell messageSecurity broker: "relay"',
    );
  }
  return broker;
}

/** Checks that methods reply to destinations that are served. @throws ConfigurationError that names the method and the destination */
export function checkReplies(
  options: ResolvedOptions,
  controllers: ControllerHandler | undefined,
  broker: Broker,
): void {
  controllers?.checkReplies({
    serves: (destination) => broker.serves?.({ messageType: "MESSAGE", destination }) !== false,
    brokerPrefixes: broker.destinationPrefixes ?? [],
    userDestinationPrefix: options.userDestinationPrefix,
  });
}

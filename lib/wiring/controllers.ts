import { ControllerContract } from "../controller/contract.js";
import { ControllerHandler, type ControllerHandlerOptions } from "../controller/controller-handler.js";
import { type ControllerBindings, resolveControllers } from "../controller/resolve-controllers.js";
import { ApplicationDestinations } from "../destination/application-destinations.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { answersOf } from "./requests.js";

/** Makes the controllers' station, if there are any. @throws ConfigurationError when one cannot be made, or is none */
export function makeControllers(
  options: ResolvedOptions,
  context: ControllerBindings &
    Pick<ControllerHandlerOptions, "converter" | "access" | "events" | "sessions" | "observer">,
): ControllerHandler | undefined {
  const { template, userRegistry, clientInboundChannel, clientOutboundChannel, brokerChannel } = context;
  const bindings = { template, userRegistry, clientInboundChannel, clientOutboundChannel, brokerChannel };
  const controllers = resolveControllers(options.controllers, options.container, bindings);
  const contract = contractOf(options);
  if (controllers.length === 0) {
    contract?.check([]);
    return undefined;
  }
  const handler = new ControllerHandler({
    ...options,
    ...context,
    controllers,
    contract,
    answers: answersOf(options),
  });
  clientInboundChannel.subscribe(handler);
  return handler;
}

function contractOf(options: ResolvedOptions): ControllerContract | undefined {
  const { contract, contractIsComplete: isComplete, userDestinationPrefix } = options;
  const { applicationDestinationPrefixes, destinationSeparator } = options;
  const applications = new ApplicationDestinations(applicationDestinationPrefixes, destinationSeparator);
  return contract && new ControllerContract({ contract, isComplete, applications, userDestinationPrefix });
}

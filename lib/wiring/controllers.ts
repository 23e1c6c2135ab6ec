import { ControllerHandler, type ControllerHandlerOptions } from "../controller/controller-handler.js";
import { type ControllerBindings, resolveControllers } from "../controller/resolve-controllers.js";
import type { ResolvedOptions } from "../options/resolve-options.js";

/** Makes the controllers' station, if there are any. @throws ConfigurationError when one cannot be made, or is none */
export function makeControllers(
  options: ResolvedOptions,
  context: ControllerBindings &
    Pick<ControllerHandlerOptions, "converter" | "access" | "events" | "sessions">,
): ControllerHandler | undefined {
  const { template, userRegistry, clientInboundChannel, clientOutboundChannel, brokerChannel } = context;
  const bindings = { template, userRegistry, clientInboundChannel, clientOutboundChannel, brokerChannel };
  const controllers = resolveControllers(options.controllers, options.container, bindings);
  if (controllers.length === 0) return undefined;

  const handler = new ControllerHandler({ ...options, ...context, controllers });
  clientInboundChannel.subscribe(handler);
  return handler;
}

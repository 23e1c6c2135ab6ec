import type { SubscribableChannel } from "../channel/channel.js";
import { SimpMessagingTemplate } from "../channel/messaging-template.js";
import { ConfigurationError, classNameOf } from "../errors.js";
import { SimpUserRegistry } from "../user/simp-user-registry.js";
import { isController, isSessionScoped } from "./class-decorators.js";
import { type ControllerContainer, type Identifier, isBound } from "./container.js";
import { type ControllerSource, sharedController } from "./controller-source.js";
import { unknownDependency } from "./dependencies.js";
import { Container, type Newable } from "./inversify.js";
import { SessionScopes } from "./session-scopes.js";

/** The services that controllers can have injected: the template and the user registry by their classes, the channels by `@inject("brokerChannel")` and so on. */
export interface ControllerBindings {
  readonly template: SimpMessagingTemplate;
  readonly userRegistry: SimpUserRegistry;
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly brokerChannel: SubscribableChannel;
}

/**
 * Makes controllers of classes; instances stay what they are. In a container of
 * our own everything injected is a singleton; an application's container
 * decides itself.
 *
 * A binding that an application's container already has is left alone: with several
 * messagings in one container the first one's template is injected, and the
 * others need containers of their own.
 *
 * @param container the application's, by default a new one
 * @throws ConfigurationError when something is no controller, or cannot be made
 */
export function resolveControllers(
  controllers: readonly object[],
  container: ControllerContainer | undefined,
  bindings: ControllerBindings,
): readonly ControllerSource[] {
  const from = container ?? new Container({ defaultScope: "Singleton" });
  const { template, userRegistry, ...channels } = bindings;
  const bind = (identifier: Identifier, value: object) => {
    if (!isBound(from, identifier)) from.bind(identifier).toConstantValue(value);
  };
  bind(SimpMessagingTemplate, template);
  bind(SimpUserRegistry, userRegistry);
  for (const [name, channel] of Object.entries(channels)) bind(name, channel);

  const sessionScopes = new SessionScopes(from);
  return controllers.map((controller, index) => {
    if (typeof controller === "function") {
      return sourceOf(controller as ControllerClass, from, sessionScopes);
    }
    if (typeof controller !== "object" || controller === null) {
      throw new ConfigurationError(
        `controllers[${index}] is ${String(controller)}: a class with @Controller(), or an object, belongs there` +
          (controller === undefined ? " (do its modules import each other in a circle?)" : ""),
      );
    }
    if (isSessionScoped(controller.constructor)) {
      const name = classNameOf(controller);
      throw new ConfigurationError(`${name} has @Scope("websocket"): give the class, not controllers of it`);
    }
    return sharedController(controller);
  });
}

type ControllerClass = new (...args: never[]) => object;

function sourceOf(
  controller: ControllerClass,
  container: ControllerContainer,
  sessionScopes: SessionScopes,
): ControllerSource {
  if (!isController(controller)) {
    throw new ConfigurationError(
      `${controller.name || "A class"} has no @Controller() above it: write that, or give an object of the class. ` +
        "If it has one, that is another copy of express-stomp: npm ls express-stomp",
    );
  }
  return isSessionScoped(controller)
    ? sessionScopes.source(controller as Newable<object>)
    : sharedController(instantiate(container, controller));
}

function instantiate(container: ControllerContainer, controller: ControllerClass): object {
  try {
    return container.get(
      controller,
      isBound(container, controller) ? undefined : { autobind: true },
    ) as object;
  } catch (cause) {
    const reason = unknownDependency(controller) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new ConfigurationError(`${controller.name} cannot be made: ${reason}`, { cause });
  }
}

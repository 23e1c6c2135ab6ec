import { classNameOf } from "../errors.js";
import type { Message } from "../message/message.js";
import type { ControllerSessions } from "./controller-sessions.js";

/** Where the methods of a controller's class are called: on one object always, or on another for each session. */
export interface ControllerSource {
  /** The class's name, for errors and logs. */
  readonly name: string;
  /** The object that the decorated methods are read from: the controller itself, or its class's prototype. */
  readonly exemplar: object;
  /** @throws MessageHandlingError when the message is of no session, and the controllers are of sessions */
  controllerFor(message: Message, sessions: ControllerSessions): object;
}

/** One controller for all messages. */
export function sharedController(controller: object): ControllerSource {
  return { name: classNameOf(controller), exemplar: controller, controllerFor: () => controller };
}

import type { Message } from "../message/message.js";
import type { SessionsTold } from "./sessions-broadcast.js";
import type { UserBroadcastHandler } from "./user-broadcast.js";

/** The way to users and sessions of all servers, in one order with all else that a broker publishes. */
export interface UsersOfAllServers {
  /**
   * Takes a message to the user's destination (`/user/<name>/queue/x`) on all servers, this one among them. Resolves
   * when they will hear it.
   *
   * @param sender whether a client sent it
   * @throws MessageDeliveryError (or rejects with it) when it cannot be taken
   */
  send(message: Message, sender: { readonly byClient: boolean }): Promise<void>;
  /** Lets all other servers do something with sessions. Resolves when they will hear it. */
  tell(told: SessionsTold): Promise<void>;
  /** From now on the handler does what comes: it hands messages to the sessions that are here. */
  serve(handler: Pick<UserBroadcastHandler, "deliver" | "here">): void;
}

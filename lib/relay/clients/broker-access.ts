import type { Message } from "../../message/message.js";

/** How what one client sends gets to the broker: over a connection of its own, or over shared ones. */
export interface BrokerAccess {
  /** Lets the client in, by its CONNECT; the client is not told. */
  connect(message: Message): void | Promise<void>;
  /** Done when deliveries will arrive. @param mayShare whether the headers say nothing special */
  subscribe(message: Message, mayShare: boolean): Promise<void>;
  /** Of whatever id: a broker may know more of it than we do. */
  unsubscribe(message: Message): void | Promise<void>;
  /** @param mayShare the same */
  send(message: Message, mayShare: boolean): void | Promise<void>;
  /** ACK, NACK, or a frame of a transaction. */
  other(message: Message): void | Promise<void>;
  /** The session has ended: takes no more from the broker, where nothing has to be acknowledged. */
  leave(): void;
  /** Says goodbye to the broker. Never rejects. */
  disconnect(): Promise<void>;
  destroy(): void;
}

import type { ChannelInterceptor, Message } from "express-stomp";

/** Lets messages of one type pass when the spec says so: from the nth on. */
export class Gate implements ChannelInterceptor {
  readonly #type: string;
  readonly #from: number;
  readonly #closed: Promise<void>;
  /** Settles when the first one waits. */
  readonly came: Promise<void>;
  #seen = 0;
  #arrived = () => {};
  /** Lets pass those that wait and all that come. */
  open = () => {};

  constructor(type: string, from = 1) {
    this.#type = type;
    this.#from = from;
    this.came = new Promise((resolve) => {
      this.#arrived = resolve;
    });
    this.#closed = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  preSend(message: Message): Message | Promise<Message> {
    if (message.headers.messageType !== this.#type || ++this.#seen < this.#from) return message;
    this.#arrived();
    return this.#closed.then(() => message);
  }
}

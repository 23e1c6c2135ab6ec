import { compact, type Message, type MessageHeaders } from "../message/message.js";
import type { NativeHeaders } from "../message/native-headers.js";

/** A message that a broker has taken. All who are delivered it share this object. */
export class Publication implements Message {
  /** Grows with every publication of its broker. */
  readonly number: number;
  payload: Uint8Array;
  headers: MessageHeaders;
  /** The history knows of it, so that whoever misses it is given it, or told that it is gone. */
  isInHistory = false;
  /** Nobody else has its payload in hand. */
  private isOwn: boolean;
  private isKept = false;

  /** @param isOwn whether the payload will be changed neither by who brought it nor by an interceptor */
  constructor(number: number, { payload, headers }: Message, isOwn = false) {
    this.number = number;
    this.payload = payload;
    this.headers = headers;
    this.isOwn = isOwn;
  }

  /** Has a payload of its own from now on: who brought it may write something else into the bytes. */
  own(): this {
    if (!this.isOwn) this.payload = new Uint8Array(this.payload);
    this.isOwn = true;
    return this;
  }

  /** Is fit to stay in memory: with nothing that it was cut out of, and a payload of its own. */
  keep(): this {
    if (this.isKept) return this;

    const { payload, headers } = compact(this);
    if (payload !== this.payload) this.isOwn = true;
    this.payload = payload;
    this.headers = headers;
    this.isKept = true;
    return this.own();
  }

  /** The same with other headers for who is delivered it. */
  with(native: NativeHeaders): Publication {
    const headers = Object.assign({}, this.headers, { native });
    return new Publication(this.number, { payload: this.payload, headers }, this.isOwn);
  }
}

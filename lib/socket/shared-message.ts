import { bytesOf, join, type Octets } from "../message/octets.js";
import { FrameRun } from "./frame-run.js";
import { jsonTextOf, messageFrame } from "./sockjs/sock-js-frame.js";

/** A part of many messages: what a transport needs of it is made once, when the first asks. It ends with a character. */
export class SharedPart {
  readonly octets: Octets;
  #jsonText: Octets | undefined;

  constructor(octets: Octets) {
    this.octets = octets;
  }

  get jsonText(): Octets {
    this.#jsonText ??= jsonTextOf(this.octets);
    return this.#jsonText;
  }
}

/** Messages that differ by some lines only. */
export interface Template {
  readonly head: SharedPart;
  readonly tail: SharedPart;
  readonly binary: boolean;
}

/** A way to write SockJS frames on HTTP responses, known by its identity. */
export interface Carriage {
  carry(frame: Octets): Carried;
}

/** A SockJS frame on an HTTP response. */
export interface Carried {
  /** The frame as it stands on the line. */
  readonly run: FrameRun;
  /** Bytes of the response's content. */
  readonly length: number;
}

/** A message that many sockets send: what a transport needs of it is made once, when the first asks. */
export class SharedMessage {
  /** Whether it travels as a binary WebSocket message. */
  readonly binary: boolean;
  readonly #octets: Octets;
  readonly #template: Template | undefined;
  readonly #own: Octets | undefined;
  #bytes: Uint8Array | undefined;
  #frame: FrameRun | undefined;
  #jsonText: Octets | undefined;
  #sockJs: SharedMessage | undefined;
  #carried: Map<Carriage, Carried> | undefined;

  /** @param template what `octets` was made of, by `filled` */
  constructor(octets: Octets, binary: boolean, template?: Template, own?: Octets) {
    this.#octets = octets;
    this.binary = binary;
    this.#template = template;
    this.#own = own;
  }

  /** The template with lines between its parts. */
  static filled(template: Template, own: Octets): SharedMessage {
    const { head, tail, binary } = template;
    return new SharedMessage(join(join(head.octets, own), tail.octets), binary, template, own);
  }

  /** How many bytes it has. */
  get length(): number {
    return this.#octets.length;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= bytesOf(this.#octets);
    return this.#bytes;
  }

  /** The message as a WebSocket frame. */
  get frame(): FrameRun {
    this.#frame ??= FrameRun.of(this.#octets, this.binary);
    return this.#frame;
  }

  /** The message as it stands in a JSON string, between its quotes. */
  get jsonText(): Octets {
    this.#jsonText ??= this.#makeJsonText();
    return this.#jsonText;
  }

  /** The SockJS frame that carries it, as a message of a WebSocket. */
  get sockJs(): SharedMessage {
    this.#sockJs ??= new SharedMessage(messageFrame([this.jsonText]), false);
    return this.#sockJs;
  }

  /** The SockJS frame that carries it, as it stands on a line over HTTP. */
  carriedBy(carriage: Carriage): Carried {
    this.#carried ??= new Map();
    let carried = this.#carried.get(carriage);
    if (!carried) {
      carried = carriage.carry(messageFrame([this.jsonText]));
      this.#carried.set(carriage, carried);
    }
    return carried;
  }

  #makeJsonText(): Octets {
    if (this.#template === undefined) return jsonTextOf(this.#octets);

    const { head, tail } = this.#template;
    return join(join(head.jsonText, jsonTextOf(this.#own as Octets)), tail.jsonText);
  }
}

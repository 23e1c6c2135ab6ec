import { bytesOf, join, type Octets } from "../message/octets.js";
import { DeflatedPart, storedOrDeflated, THRESHOLD, withoutFlush } from "./deflate.js";
import { FrameRun } from "./frame-run.js";
import { jsonTextOf, MESSAGE_END, MESSAGE_START, messageFrame } from "./sockjs/sock-js-frame.js";

const NOTHING = "" as Octets;

/** A part of many messages: what a transport needs of it is made once, when the first asks. It ends with a character. */
export class SharedPart {
  readonly octets: Octets;
  #jsonText: Octets | undefined;
  #sockJsStart: SharedPart | undefined;
  #sockJsEnd: SharedPart | undefined;
  #deflated: DeflatedPart | undefined;
  #deflatedBefore: Octets | undefined;

  constructor(octets: Octets) {
    this.octets = octets;
  }

  get jsonText(): Octets {
    this.#jsonText ??= jsonTextOf(this.octets);
    return this.#jsonText;
  }

  /** The first part of a message as that of the SockJS frame that carries it. */
  get sockJsStart(): SharedPart {
    this.#sockJsStart ??= new SharedPart(join(MESSAGE_START, this.jsonText));
    return this.#sockJsStart;
  }

  /** The same of the last part. */
  get sockJsEnd(): SharedPart {
    this.#sockJsEnd ??= new SharedPart(join(this.jsonText, MESSAGE_END));
    return this.#sockJsEnd;
  }

  /** Compressed as the last part of a message. */
  get deflated(): DeflatedPart {
    this.#deflated ??= new DeflatedPart(this.octets);
    return this.#deflated;
  }

  /** Compressed as a part that another follows. */
  get deflatedBefore(): Octets {
    this.#deflatedBefore ??= storedOrDeflated(this.octets);
    return this.#deflatedBefore;
  }
}

const EMPTY = new SharedPart(NOTHING);

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
  #template: Template | undefined;
  readonly #own: Octets;
  #bytes: Uint8Array | undefined;
  #frame: FrameRun | undefined;
  #jsonText: Octets | undefined;
  #sockJs: SharedMessage | undefined;
  #carried: Map<Carriage, Carried> | undefined;
  #compressedFrame: FrameRun | undefined;

  /** @param template what `octets` was made of, by `filled` */
  constructor(octets: Octets, binary: boolean, template?: Template, own = NOTHING) {
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
    const { head, tail } = this.#parts;
    this.#jsonText ??= join(join(head.jsonText, jsonTextOf(this.#own)), tail.jsonText);
    return this.#jsonText;
  }

  /** The SockJS frame that carries it, as a message of a WebSocket. */
  get sockJs(): SharedMessage {
    this.#sockJs ??= this.#inSockJs();
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

  /** The message as a compressed WebSocket frame, if that is shorter; `undefined` as long as it is being compressed. */
  get compressedFrame(): FrameRun | undefined {
    this.#compressedFrame ??= this.length < THRESHOLD ? this.frame : this.#compress();
    return this.#compressedFrame;
  }

  /** Calls once `compressedFrame` can be had; at once if it can. */
  whenCompressed(then: () => void): void {
    this.#parts.tail.deflated.whenDeflated(then);
  }

  /** A message that was made of no template is the last part of its own. */
  get #parts(): Template {
    this.#template ??= { head: EMPTY, tail: new SharedPart(this.#octets), binary: this.binary };
    return this.#template;
  }

  #inSockJs(): SharedMessage {
    const { head, tail } = this.#parts;
    const template = { head: head.sockJsStart, tail: tail.sockJsEnd, binary: false };
    return SharedMessage.filled(template, jsonTextOf(this.#own));
  }

  #compress(): FrameRun | undefined {
    const { head, tail } = this.#parts;
    const { deflated } = tail.deflated;
    if (deflated === undefined) return undefined;
    if (deflated === null) return this.frame;

    const before = join(head.deflatedBefore, storedOrDeflated(this.#own));
    const payload = join(before, withoutFlush(deflated));
    return payload.length < this.length ? FrameRun.of(payload, this.binary, true) : this.frame;
  }
}

import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { type Duplex, Writable } from "node:stream";
import type { Clock } from "../clock/clock.js";
import type { HandshakeRefusal } from "../events.js";
import { refuse } from "./refusal.js";

/** Shorter than the second after which socket.io destroys handshakes nobody has answered. */
const OTHERS_GO_FIRST_MS = 750;
/** How long a client may take to hang up after its answer. */
const LINGER_MS = 2_000;

/** A handshake's line, taken out of HTTP. */
export interface ClaimedUpgrade {
  readonly socket: Duplex;
  /** Bytes that the client sent behind its request. */
  readonly head: Buffer;
}

/** How long the application may take over a handshake, and by which clock. */
export interface Patience {
  readonly ms: number;
  readonly clock: Clock;
}

/**
 * Where conversations are held. One object for all of them, not closures for each: V8 makes some of those in
 * its old space, where a dead one keeps its handshake, and so what that refers to, until a major garbage collection.
 */
export interface UpgradeHost {
  readonly server: Server | SecureServer;
  /** For a handshake that begins now. */
  readonly patience: Patience;
  /** Whether others listen for upgrades on the same server. */
  readonly isShared: boolean;
  /** The application has returned, and has not decided. */
  waits(conversation: UpgradeConversation): void;
  /** The handshake is being answered, or its socket is somebody else's. May be told twice, and of one that never waited. */
  done(conversation: UpgradeConversation): void;
  /** It was answered before an endpoint had it. */
  refused(refusal: HandshakeRefusal): void;
}

/**
 * One upgrade request on its way through the application. The response is written to memory: from there
 * it goes to the client, unless the socket was claimed by an endpoint or taken by another listener.
 */
export class UpgradeConversation {
  readonly #req: IncomingMessage;
  readonly #socket: Duplex;
  /** The connection below: from Node 26 on the socket of a request whose body has not come is a stream before it. */
  readonly #line: Socket;
  readonly #head: Buffer;
  readonly #host: UpgradeHost;
  readonly #patience: Patience;
  readonly #bytesBefore: number;
  /** The response's own end: nobody but `#write` sees its bytes. */
  readonly #outlet: Outlet;
  #state: "open" | "reserved" | "answering" | "answered" | "gone" = "open";
  /** An endpoint has had it, or it is refused here: the answer is not the application's. */
  #isOurs = false;
  #stopDeadline: (() => void) | undefined;
  /** The response that the application has not ended yet, when it has returned. */
  #awaited: ServerResponse | undefined;

  constructor(req: IncomingMessage, { socket, head }: ClaimedUpgrade, host: UpgradeHost) {
    this.#req = req;
    this.#socket = socket;
    this.#line = req.socket;
    this.#head = head;
    this.#host = host;
    this.#patience = host.patience;
    this.#outlet = new Outlet(this.#line, (chunk, done) => this.#write(chunk, done));
    this.#bytesBefore = this.#line.bytesWritten;
  }

  /** Lets the server's request listeners answer. Does nothing when another listener has taken the socket. */
  run(): void {
    if (!this.#isFree()) {
      this.#state = "gone";
      this.#host.done(this);
      return;
    }

    const res = new ServerResponse(this.#req);
    res.shouldKeepAlive = false;
    res.assignSocket(this.#outlet as Writable as Socket);
    if (LOOSENS) {
      loosen(this.#req as object);
      loosen(res as object);
    }
    try {
      if (hasBody(this.#req)) {
        // Before Node 26, which reads the body, what follows the headers would be lost, or be taken for frames.
        this.#isOurs = true;
        const text = "A request to upgrade the connection cannot have a body.";
        refuse(this.#req, res, { reason: "body", status: 400, text }, (refusal) =>
          this.#host.refused(refusal),
        );
      } else {
        this.#host.server.emit("request", this.#req, res);
      }
    } finally {
      // Most are claimed by now, and need none of it: nothing that it waits for comes before this turn is over.
      if (this.#state !== "gone") this.#wait(res);
    }
  }

  reserve(): boolean {
    if (this.#state === "open" && this.#isFree()) this.#state = "reserved";
    this.#isOurs = true;
    return this.#state === "reserved";
  }

  claim(): ClaimedUpgrade | undefined {
    if (!this.reserve() || !this.#isFree()) return undefined;

    this.#letGo();
    return { socket: this.#socket, head: this.#head };
  }

  #wait(res: ServerResponse): void {
    res.once("finish", this.#end);
    res.once("close", this.#responseClosed);
    this.#awaited = res;
    this.#socket.on("close", this.#socketClosed);
    if (this.#state === "answering") return;

    this.#host.waits(this);
    const { ms, clock } = this.#patience;
    this.#stopDeadline ??= clock.after(ms, () => this.expire());
  }

  /** Nobody has read from the socket or written to it since the request. */
  #isFree(): boolean {
    const socket = this.#socket;
    return (
      !socket.destroyed &&
      socket.writable &&
      this.#line.bytesWritten === this.#bytesBefore &&
      socket.listenerCount("data") === 0 &&
      socket.listenerCount("readable") === 0
    );
  }

  #write(chunk: Buffer, done: () => void): void {
    if (this.#state === "gone") {
      done();
      return;
    }
    if (this.#state === "open" && this.#host.isShared) {
      this.#writeLater(chunk, done);
      return;
    }

    if (this.#state !== "answering") {
      this.#startAnswer();
      if (!this.#isOurs) this.#tellOfAnswer(chunk);
    }
    this.#socket.write(chunk, () => done());
  }

  /** The path may be another listener's, which takes the socket now or soon. */
  #writeLater(chunk: Buffer, done: () => void): void {
    this.#stopDeadline?.();
    this.#stopDeadline = this.#patience.clock.after(OTHERS_GO_FIRST_MS, () => {
      if (this.#isFree()) this.#state = "reserved";
      else this.#abandon();
      this.#write(chunk, done);
    });
  }

  #startAnswer(): void {
    this.#stopDeadline?.();
    this.#host.done(this);
    this.#state = "answering";
    // A client that takes nothing of a long answer would hold its socket for ever. Node alone knows when bytes leave.
    this.#line.setTimeout(this.#patience.ms, () => this.#line.destroy());
  }

  /** @param chunk the first of the response: "HTTP/1.1 404 Not Found" */
  #tellOfAnswer(chunk: Buffer): void {
    const status = Number(chunk.toString("latin1", 9, 12));
    const message = `The application answered ${status} before the handshake came to an endpoint.`;
    this.#host.refused({ reason: "application", status, message, request: this.#req });
  }

  /** Hangs up in two steps: with unread bytes left, closing at once would reset the answer away. */
  readonly #end = (): void => {
    if (this.#state !== "answering") return;

    this.#state = "answered";
    const socket = this.#socket;
    socket.end();
    socket.resume();
    socket.once("end", () => this.#line.destroySoon());
    this.#patience.clock.after(LINGER_MS, () => this.#line.destroy());
  };

  /** Answers 503 in place of an application that has not answered. */
  expire(): void {
    this.#stopDeadline?.();
    if (!this.#isFree()) {
      this.#abandon();
      return;
    }

    // Not through the response: what holds it back may hold its end back too.
    this.#host.done(this);
    this.#state = "answering";
    const message = "The application did not answer the handshake in time.";
    const text = `${message}\n`;
    this.#socket.write(
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
        `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
    this.#end();
    this.#outlet.destroy();
    this.#host.refused({ reason: "timeout", status: 503, message, request: this.#req });
  }

  /** The application destroyed its response before it was whole. */
  readonly #responseClosed = (): void => {
    if (this.#state === "reserved" || this.#state === "answering") this.#socket.destroy();
    else if (this.#state === "open" && !this.#host.isShared) this.#socket.destroy();
    this.#stopDeadline?.();
  };

  readonly #socketClosed = (): void => {
    this.#abandon();
  };

  /** The response's middleware learns that nobody listens. */
  #abandon(): void {
    this.#letGo();
    this.#outlet.destroy();
  }

  #letGo(): void {
    this.#state = "gone";
    this.#host.done(this);
    this.#stopDeadline?.();
    if (this.#awaited === undefined) return;

    this.#awaited.off("finish", this.#end).off("close", this.#responseClosed);
    this.#socket.off("close", this.#socketClosed);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
}

/** From V8 13, in Node 24, objects whose prototype was changed share hidden classes again, and a table costs more. */
const LOOSENS = Number.parseInt(process.versions.v8, 10) < 13;
const PASSING = Symbol("passing");
const NEWEST = Symbol("newest");

/**
 * Has V8 keep an object's properties in a table. Express changes the prototype of each request and response,
 * and to such an object V8 adds no property without a new hidden class: one for each request and each property
 * that middleware adds, kilobytes that only a major garbage collection takes.
 */
function loosen(object: { [PASSING]?: boolean; [NEWEST]?: boolean }): void {
  object[PASSING] = true;
  object[NEWEST] = true;
  // V8 makes a table of what loses any property but the newest.
  delete object[PASSING];
  delete object[NEWEST];
}

/** The stream that a response takes for its socket. */
class Outlet extends Writable {
  readonly #line: Socket;
  readonly #take: (chunk: Buffer, done: () => void) => void;

  constructor(line: Socket, take: (chunk: Buffer, done: () => void) => void) {
    super();
    this.#line = line;
    this.#take = take;
  }

  get remoteAddress(): string | undefined {
    return this.#line.remoteAddress;
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.#line.setTimeout(ms, callback);
    return this;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#take(chunk, done);
  }
}

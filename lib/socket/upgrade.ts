import type { IncomingMessage, Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../clock/clock.js";
import { ConfigurationError } from "../errors.js";
import type { HandshakeRefusal } from "../events.js";
import { TRANSPORT } from "../options/transport-options.js";
import type { Refused } from "./refusal.js";
import {
  type ClaimedUpgrade,
  type Patience,
  UpgradeConversation,
  type UpgradeHost,
} from "./upgrade-conversation.js";

export interface AttachOptions {
  /** How long the application's middleware may take over a handshake, in ms. Default: that of `transport`. */
  readonly handshakeTimeout?: number | undefined;
  /** Is told of WebSocket handshakes that were answered before an endpoint had them. */
  readonly refused?: Refused | undefined;
  /** Default: the process's. */
  readonly clock?: Clock | undefined;
}

type HttpServer = Server | SecureServer;
type UpgradeCallback = (this: HttpServer, req: IncomingMessage) => boolean;

const attachments = new WeakMap<HttpServer, Attachment>();
/** Not a WeakMap, whose entries outlive every minor garbage collection, with all that a request holds. */
const CONVERSATION = Symbol("upgrade conversation");

interface UpgradeRequest extends IncomingMessage {
  [CONVERSATION]?: UpgradeConversation;
}

/**
 * Lets a server's WebSocket handshakes run through its request listeners like its other requests, so that the
 * application's own middleware decides about them. Returns a function that undoes it, and answers 503 to
 * handshakes that are under way. Attached several times, a handshake still runs once.
 *
 * @throws ConfigurationError when it is no server
 */
export function attach(server: HttpServer, options: AttachOptions = {}): () => void {
  checkServer(server);
  const { handshakeTimeout = TRANSPORT.handshakeTimeout, refused = () => {}, clock = systemClock } = options;
  let attachment = attachments.get(server);
  if (attachment === undefined) {
    attachment = new Attachment(server);
    attachments.set(server, attachment);
  }
  return attachment.add({ patience: { ms: handshakeTimeout, clock }, refused });
}

function checkServer(given: unknown): void {
  const server = given as Partial<HttpServer> | null | undefined;
  const isServer = ["on", "off", "emit", "listenerCount", "listen"].every(
    (method) => typeof server?.[method as keyof HttpServer] === "function",
  );
  // An Express application is a function that has all of these, too.
  if (isServer && typeof given === "object") return;
  const what = typeof given === "function" ? "the application" : given === null ? "null" : typeof given;
  throw new ConfigurationError(
    `attach takes the HTTP server, not ${what}: write messaging.attach(app.listen(8080))`,
  );
}

/**
 * Says that the request has reached its endpoint: its answer, whatever it is, goes out without waiting for
 * other upgrade listeners. `unattached` when the handshake came as an ordinary request, `gone` when
 * somebody else has its socket or the client has left.
 */
export function reserve(req: IncomingMessage): "reserved" | "unattached" | "gone" {
  const conversation = (req as UpgradeRequest)[CONVERSATION];
  if (conversation === undefined) return "unattached";
  return conversation.reserve() ? "reserved" : "gone";
}

/** Takes the socket out of HTTP. Bytes that are still written to the response go nowhere. */
export function claim(req: IncomingMessage): ClaimedUpgrade | undefined {
  return (req as UpgradeRequest)[CONVERSATION]?.claim();
}

interface AttachedMessaging {
  readonly patience: Patience;
  readonly refused: Refused;
}

/** Another listener of this very handshake may have detached us. */
const DETACHED: Patience = { ms: 1, clock: systemClock };

class Attachment implements UpgradeHost {
  readonly server: HttpServer;
  readonly #attached = new Set<AttachedMessaging>();
  /** Handshakes that the application has not decided about. */
  readonly #undecided = new Set<UpgradeConversation>();
  /** The shortest patience of all that are attached. */
  #patience = DETACHED;
  #restore: () => void = () => {};

  constructor(server: HttpServer) {
    this.server = server;
  }

  add(messaging: AttachedMessaging): () => void {
    if (this.#attached.size === 0) {
      this.server.on("upgrade", this.#upgrade);
      this.#restore = spareOtherUpgrades(this.server);
    }
    this.#attached.add(messaging);
    this.#patience = shortestOf(this.#attached);

    return () => {
      if (!this.#attached.delete(messaging)) return;
      this.#patience = shortestOf(this.#attached);
      if (this.#attached.size > 0) return;

      this.server.off("upgrade", this.#upgrade);
      this.#restore();
      // With others listening, a handshake may be theirs, and has its own deadline.
      if (this.server.listenerCount("upgrade") > 0) return;
      for (const conversation of this.#undecided) conversation.expire();
    };
  }

  get patience(): Patience {
    return this.#patience;
  }

  get isShared(): boolean {
    return this.server.listenerCount("upgrade") > 1;
  }

  waits(conversation: UpgradeConversation): void {
    this.#undecided.add(conversation);
  }

  done(conversation: UpgradeConversation): void {
    this.#undecided.delete(conversation);
  }

  refused(refusal: HandshakeRefusal): void {
    if (!isWebSocket(refusal.request)) return;
    for (const { refused } of this.#attached) refused(refusal);
  }

  readonly #upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Node has just taken its own listener off. This one stays for the socket's life, whoever takes the socket: what
    // was written before, the answer to a pipelined request too, may fail at any time.
    socket.on("error", destroyFailed);
    const conversation = new UpgradeConversation(req, { socket, head }, this);
    if (isWebSocket(req)) (req as UpgradeRequest)[CONVERSATION] = conversation;
    conversation.run();
  };
}

function shortestOf(attached: ReadonlySet<AttachedMessaging>): Patience {
  const [first = DETACHED, ...others] = Array.from(attached, ({ patience }) => patience);
  return others.reduce((least, other) => (other.ms < least.ms ? other : least), first);
}

/**
 * Any upgrade listener makes Node treat `Upgrade: h2c` as an upgrade too, which loses a POST's body. Newer
 * versions of Node ask first: there, what is no WebSocket stays an ordinary request, unless somebody else
 * listens for upgrades.
 */
function spareOtherUpgrades(server: HttpServer): () => void {
  const asking = server as HttpServer & { shouldUpgradeCallback?: UpgradeCallback };
  const before = asking.shouldUpgradeCallback;
  if (before === undefined) return () => {};

  const callback: UpgradeCallback = (req) => {
    return (isWebSocket(req) || server.listenerCount("upgrade") > 1) && before.call(server, req);
  };
  asking.shouldUpgradeCallback = callback;
  return () => {
    if (asking.shouldUpgradeCallback === callback) asking.shouldUpgradeCallback = before;
  };
}

function destroyFailed(this: Duplex): void {
  this.destroy();
}

function isWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === "websocket";
}

import {
  type MessagingEvents,
  type SimpleBrokerOptions,
  SubscribableChannel,
  simpleBroker,
} from "express-stomp";
import { Pace } from "#lib/channel/pace.js";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { FrameTaps } from "#lib/observe/frame-taps.js";
import { TRANSPORT } from "#lib/options/transport-options.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { SessionRegistry } from "#lib/session/session-registry.js";
import type { Socket, SocketListener } from "#lib/socket/socket.js";
import { Unserved } from "#lib/user/unserved.js";
import { UserClientHandler } from "#lib/user/user-client-handler.js";
import { UserMessageHandler } from "#lib/user/user-message-handler.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { FakeTime } from "./fake-time.js";
import { recordingLogger } from "./recording.js";
import { parseFrame, type ReadFrame } from "./stomp-session.js";

/** Sessions, users and the simple broker as they are joined, on sockets and a clock that a spec moves. */
export class SessionStage {
  readonly time = new FakeTime();
  readonly dropped: MessagingEvents["messageDropped"][] = [];
  readonly log: readonly string[];
  readonly #sessions: SessionRegistry;

  constructor(options: SimpleBrokerOptions, sendBufferSizeLimit: number) {
    const logger = recordingLogger();
    this.log = logger.lines;
    const events = new EventPublisher(logger);
    events.on("messageDropped", (event) => void this.dropped.push(event));
    const clientInboundChannel = new SubscribableChannel("clientInboundChannel", { logger });
    const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
    this.#sessions = new SessionRegistry({
      clientInboundChannel,
      clientOutboundChannel,
      pace: new Pace(this.time),
      events,
      logger,
      clock: new TickingClock({ time: this.time }),
      encoder: new MessageEncoder(),
      taps: new FrameTaps({ clock: this.time, logger, separator: "/" }),
      preserveReceiveOrder: true,
      handlerTimeout: 0,
      errorHandler: undefined,
      ended: (end) => users.sessionEnded(end),
      limits: { ...TRANSPORT, sendBufferSizeLimit, sendTimeLimit: 10_000 },
    });
    clientOutboundChannel.subscribe(this.#sessions);
    const broker = simpleBroker(options)({
      clientOutboundChannel,
      sessions: this.#sessions,
      events,
      logger,
    });
    const unserved = new Unserved({
      applicationPrefixes: [],
      brokerPrefixes: [],
      userPrefix: "/user/",
      events,
      logger,
      clock: this.time,
    });
    const shared = {
      prefix: "/user/",
      sessions: new UserSessions(),
      broker,
      unserved,
      isServedElsewhere: () => false,
    };
    const users = new UserClientHandler({
      ...shared,
      messages: new UserMessageHandler({ ...shared, isServed: () => true }),
      clientsMaySend: false,
      isOpen: (sessionId) => this.#sessions.isOpen(sessionId),
      limit: undefined,
    });
    clientInboundChannel.subscribe(users);
  }

  /** A client that is CONNECTED. */
  connect(crowdedAt?: number): StageClient {
    const client = new StageClient(crowdedAt);
    this.#sessions.open(client, { address: "", isPage: false, user: undefined });
    client.say("CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n^@");
    client.read();
    return client;
  }
}

/** A client and its line, which holds what the client has not read. */
export class StageClient implements Socket {
  readonly transport = "spec";
  /** Frames that were read, and nobody has looked at. */
  readonly frames: ReadFrame[] = [];
  /** The code that the server has closed with. */
  closing: number | undefined;
  isOver = false;
  /** Its id for the server, as CONNECTED said. */
  id = "";
  /** So many messages wait at most, for a line that counts them. */
  readonly #crowdedAt: number;
  #waiting: string[] = [];
  #listener: SocketListener | undefined;

  constructor(crowdedAt = Number.POSITIVE_INFINITY) {
    this.#crowdedAt = crowdedAt;
  }

  watchBuffer(): number {
    return this.#waiting.reduce((sum, text) => sum + text.length, 0);
  }

  get crowded(): boolean {
    return this.#waiting.length > this.#crowdedAt;
  }

  /** Sends what is not sent any more once the line is over. */
  say(text: string): void {
    if (!this.isOver) this.#listener?.data(Buffer.from(text.replaceAll("^@", "\0")));
  }

  /** Reads so many bytes, in whole messages, one at least; an answer to the server's closing is among that. */
  read(bytes = Number.POSITIVE_INFINITY): void {
    if (this.isOver) return;
    for (let left = bytes; left > 0 && this.#waiting.length > 0; ) {
      const text = this.#waiting.shift() as string;
      left -= text.length;
      for (const frame of framesOf(text)) this.#take(frame);
    }
    this.#listener?.drained();
    if (this.closing !== undefined && this.#waiting.length === 0) this.cut(this.closing);
  }

  /** What it was sent and has not read. */
  get unread(): ReadFrame[] {
    return this.#waiting.flatMap(framesOf);
  }

  /** The line breaks. */
  cut(code = 1006): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#listener?.socketClosed(code, "");
  }

  send(data: Uint8Array): void {
    if (this.closing === undefined && !this.isOver) this.#waiting.push(Buffer.from(data).toString());
  }

  pause(): void {}

  resume(): void {}

  close(code: number): void {
    this.closing ??= code;
  }

  terminate(): void {
    this.closing ??= 1006;
    queueMicrotask(() => this.cut());
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  #take(frame: ReadFrame): void {
    if (frame.command === "CONNECTED") this.id = frame.headers.get("session") ?? "";
    else this.frames.push(frame);
  }
}

function framesOf(text: string): ReadFrame[] {
  return text
    .split("\0")
    .filter((frame) => frame.trim() !== "")
    .map((frame) => parseFrame(frame.trimStart()));
}

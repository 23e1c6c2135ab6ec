import type { IncomingMessage } from "node:http";
import { createMessage, SubscribableChannel, type TransportOptions } from "express-stomp";
import { Pace } from "#lib/channel/pace.js";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { FrameTaps } from "#lib/observe/frame-taps.js";
import { TRANSPORT } from "#lib/options/transport-options.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { SessionRegistry } from "#lib/session/session-registry.js";
import { handshakeOf } from "#lib/socket/address.js";
import type { Socket, SocketListener } from "#lib/socket/socket.js";
import { FakeTime } from "./fake-time.js";
import { recordingLogger } from "./recording.js";

/** A line that takes what it is given, and keeps it while it is stuck. */
class StuckSocket implements Socket {
  readonly transport = "spec";
  /** Only where the spec says so. */
  probe?: () => void;
  bufferedAmount = 0;
  readonly closings: number[] = [];
  listener: SocketListener | undefined;

  watchBuffer(): number {
    return this.bufferedAmount;
  }

  send(data: Uint8Array): void {
    this.bufferedAmount += data.length;
  }

  taken(bytes: number): void {
    this.bufferedAmount = Math.max(0, this.bufferedAmount - bytes);
  }

  pause(): void {}

  resume(): void {}

  close(code: number): void {
    this.closings.push(code);
  }

  terminate(): void {}

  listen(listener: SocketListener): void {
    this.listener = listener;
  }
}

/** A session whose time passes when the spec says so, and whose socket takes what the spec lets it. */
export class TimedSession {
  readonly time = new FakeTime();
  readonly socket = new StuckSocket();
  readonly sessions: SessionRegistry;
  /** Of the session that has connected. */
  sessionId: string | undefined;
  /** How many SENDs were handled. */
  handled = 0;
  ended: () => void = () => {};

  constructor(limits: Partial<TransportOptions> = {}) {
    const logger = recordingLogger();
    const clientInboundChannel = new SubscribableChannel("clientInboundChannel", { logger });
    this.sessions = new SessionRegistry({
      clientInboundChannel,
      clientOutboundChannel: new SubscribableChannel("clientOutboundChannel", { logger }),
      pace: new Pace(),
      events: new EventPublisher(logger),
      logger,
      clock: new TickingClock({ time: this.time }),
      encoder: new MessageEncoder(),
      taps: new FrameTaps({ clock: this.time, logger, separator: "/" }),
      preserveReceiveOrder: true,
      handlerTimeout: 0,
      errorHandler: undefined,
      ended: () => this.ended(),
      limits: { ...TRANSPORT, timeToFirstMessage: 15_000, sendTimeLimit: 10_000, ...limits },
    });
    clientInboundChannel.subscribe({
      handle: ({ headers: { messageType, sessionId } }) => {
        if (messageType === "MESSAGE") this.handled++;
        if (messageType !== "CONNECT") return;
        this.sessionId = sessionId;
        const heartbeat = [10_000, 10_000] as const;
        this.sessions.handle(
          createMessage(new Uint8Array(), { messageType: "CONNECT_ACK", sessionId, heartbeat }),
        );
      },
    });
  }

  /** Opens the socket, with these headers of its handshake. */
  open(headers: IncomingMessage["headers"] = {}): void {
    const request = { socket: {}, headers } as IncomingMessage;
    this.sessions.open(this.socket, handshakeOf(request, { user: undefined }));
  }

  /** The client sends so. */
  send(text: string): void {
    this.socket.listener?.data(Buffer.from(text));
  }
}

import type { SocketListener } from "#lib/socket/socket.js";

const TOPIC = "/topic/room";

/** Deliveries from the broker to sockets, with the stations of a build. */
export interface DeliveryStation {
  /** Publishes so many messages to all subscribers. */
  publish(messages: number): void;
  /** How many messages the sockets were given. */
  readonly written: number;
}

/**
 * Joins broker, channel and sessions as they are joined, on sockets that write nowhere.
 *
 * @param dist the folder of a build
 */
export async function deliveryStation(dist: URL, subscribers: number): Promise<DeliveryStation> {
  const part = <T>(path: string) => import(new URL(path, dist).href) as Promise<T>;
  const [{ SubscribableChannel, simpleBroker }, { Pace }, { TickingClock }, { EventPublisher }] =
    await Promise.all([
      part<typeof import("express-stomp")>("index.js"),
      part<typeof import("#lib/channel/pace.js")>("channel/pace.js"),
      part<typeof import("#lib/clock/ticking-clock.js")>("clock/ticking-clock.js"),
      part<typeof import("#lib/events.js")>("events.js"),
    ]);
  const [
    { FrameTaps },
    { TRANSPORT },
    { MessageEncoder },
    { SessionRegistry },
    { systemClock },
    { createMessage },
  ] = await Promise.all([
    part<typeof import("#lib/observe/frame-taps.js")>("observe/frame-taps.js"),
    part<typeof import("#lib/options/transport-options.js")>("options/transport-options.js"),
    part<typeof import("#lib/session/message-encoder.js")>("session/message-encoder.js"),
    part<typeof import("#lib/session/session-registry.js")>("session/session-registry.js"),
    part<typeof import("#lib/clock/clock.js")>("clock/clock.js"),
    part<typeof import("#lib/message/message.js")>("message/message.js"),
  ]);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const events = new EventPublisher(logger);
  const clientInboundChannel = new SubscribableChannel("clientInboundChannel", { logger });
  const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
  const sessions = new SessionRegistry({
    clientInboundChannel,
    clientOutboundChannel,
    pace: new Pace(systemClock),
    events,
    logger,
    clock: new TickingClock({ time: systemClock }),
    encoder: new MessageEncoder(),
    taps: new FrameTaps({ clock: systemClock, logger, separator: "/" }),
    preserveReceiveOrder: true,
    handlerTimeout: 0,
    errorHandler: undefined,
    ended() {},
    limits: TRANSPORT,
  });
  clientOutboundChannel.subscribe(sessions);
  const broker = simpleBroker()({ clientOutboundChannel, sessions, events, logger });
  clientInboundChannel.subscribe(broker);

  let written = 0;
  for (let i = 0; i < subscribers; i++) {
    const told: SocketListener[] = [];
    sessions.open(
      {
        transport: "websocket",
        watchBuffer: () => 0,
        send() {},
        sendShared: () => void written++,
        pause() {},
        resume() {},
        close() {},
        terminate() {},
        listen: (listener) => void told.push(listener),
      },
      { address: "", isPage: false, user: undefined },
    );
    for (const frame of [
      "CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,0\n\n\0",
      `SUBSCRIBE\nid:0\ndestination:${TOPIC}\n\n\0`,
    ])
      told[0]?.data(Buffer.from(frame));
  }

  const payload = Buffer.from("x".repeat(100));
  return {
    publish(messages) {
      for (let i = 0; i < messages; i++)
        void broker.handle(createMessage(payload, { messageType: "MESSAGE", destination: TOPIC }));
    },
    get written() {
      return written;
    },
  };
}

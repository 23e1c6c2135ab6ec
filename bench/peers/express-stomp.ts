import express from "express";
import {
  type ChannelInterceptor,
  Controller,
  type EndpointOptions,
  type HistoryOptions,
  MessageMapping,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import type { InterceptedChannel, Started } from "../peers.js";
import { createServer, listen, type Wire } from "./listen.js";

export interface Greeted {
  readonly name: string;
  readonly number: string;
}

@Controller()
class GreetingController {
  @MessageMapping("/p0/news")
  @SendTo("/topic/p0/news")
  greet(@Payload() { name, number }: Greeted) {
    return { content: `Hello, ${name}!`, number };
  }
}

/** So many messages are kept of each topic by the peer with a history. */
export const HISTORY_SIZE = 100;

/** The same with a history of every topic. */
export function expressStompWithHistory(): Promise<Started> {
  return expressStomp({ history: [{ destinations: ["/topic/**"], size: HISTORY_SIZE, ttl: 300_000 }] });
}

/** The same with an endpoint of SockJS beside. */
export function expressStompWithSockJs(): Promise<Started> {
  return expressStomp({ endpoints: [{ path: "/sockjs", sockJS: true }] });
}

/** The same with an async interceptor on some channels. */
export function expressStompIntercepted(intercepted: readonly InterceptedChannel[]): Promise<Started> {
  return expressStomp({ intercepted });
}

interface Setting extends Wire {
  readonly history?: readonly HistoryOptions[];
  /** Beside the one that all peers have. */
  readonly endpoints?: readonly EndpointOptions[];
  /** The channels with an async interceptor. */
  readonly intercepted?: readonly InterceptedChannel[];
}

/** The whole product, its defaults kept: heart-beats and limits are on. */
export function expressStomp({
  history = [],
  endpoints = [],
  intercepted = [],
  ...wire
}: Setting = {}): Promise<Started> {
  const interceptors: ChannelInterceptor[] = [{ preSend: async (message) => message }];
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }, ...endpoints],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic"], history }),
    controllers: [GreetingController],
    transport: { perMessageDeflate: wire.isCompressed === true },
    ...Object.fromEntries(intercepted.map((channel) => [channel, { interceptors }])),
  });
  app.use(messaging);
  const server = createServer(wire, app);
  messaging.attach(server);
  return listen(server);
}

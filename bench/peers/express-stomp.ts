import express from "express";
import {
  Controller,
  type EndpointOptions,
  type HistoryOptions,
  MessageMapping,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import type { Started } from "../peers.js";
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

interface Setting extends Wire {
  readonly history?: readonly HistoryOptions[];
  /** Beside the one that all peers have. */
  readonly endpoints?: readonly EndpointOptions[];
}

/** The whole product, its defaults kept: heart-beats and limits are on. */
export function expressStomp({ history = [], endpoints = [], ...wire }: Setting = {}): Promise<Started> {
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }, ...endpoints],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic"], history }),
    controllers: [GreetingController],
    transport: { perMessageDeflate: wire.isCompressed === true },
  });
  app.use(messaging);
  const server = createServer(wire, app);
  messaging.attach(server);
  return listen(server);
}

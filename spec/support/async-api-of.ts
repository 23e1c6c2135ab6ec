import {
  Controller,
  DestinationVariable,
  Header,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { type AsyncApiInfo, asyncApi } from "express-stomp/asyncapi";
import { z } from "zod";

export const INFO = { title: "Chat", version: "1.4.0", host: "chat.example" };

export function apiOf(options: Partial<StompMessagingOptions>, info: Partial<AsyncApiInfo> = {}) {
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"] }),
    ...options,
  });
  return asyncApi(messaging, { ...INFO, ...info });
}

/** The schema that a reference, or what stands in its place, says. */
export function resolved(document: object, value: unknown): unknown {
  const { $ref } = (value ?? {}) as { $ref?: string };
  if ($ref === undefined) return value;
  return $ref
    .slice(2)
    .split("/")
    .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
}

export const Text = z.object({ text: z.string() });

@Controller()
export class Rooms {
  @MessageMapping("/room/{id:[0-9]+}")
  @SendTo("/topic/room/{id}")
  say(
    @DestinationVariable("id") id: number,
    @Payload(Text) { text }: z.infer<typeof Text>,
    @Header("urgency", { defaultValue: 1 }) urgency: number,
    @Header("client") client: string,
  ) {
    return { id, text, urgency, client };
  }

  @MessageMapping("/ask")
  @SendToUser("/queue/answers", { broadcast: false })
  ask() {
    return "…";
  }

  @SubscribeMapping("/rooms")
  rooms() {
    return [];
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors")
  failed(error: RangeError) {
    return { error: error.message };
  }
}

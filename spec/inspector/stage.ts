import type { Request } from "express";
import {
  Authorize,
  Controller,
  hasRole,
  MessageMapping,
  type MessagingEvents,
  messageSecurity,
  Payload,
  type Principal,
  SendTo,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { type InspectorOptions, type InspectorPermission, inspector } from "express-stomp/inspector";
import { z } from "zod";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const Order = z.object({ item: z.string() });

@Controller()
class OrderController {
  @MessageMapping("/orders/{room}")
  @Authorize(hasRole("COOK"))
  @SendTo("/topic/orders")
  order(@Payload(Order) order: z.infer<typeof Order>) {
    return order;
  }

  @SubscribeMapping("/menu")
  menu() {
    return ["soup"];
  }
}

/** The people whom the application knows, and what they are. */
const ROLES = new Map([
  ["ann", ["COOK"]],
  ["rod", []],
]);

function personOf(name: string): Principal & { readonly roles: readonly string[] } {
  return { name, roles: ROLES.get(name) ?? [] };
}

/** An answer of the inspector's JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: each spec knows what it has asked for
  readonly body: any;
}

function kitchenRules() {
  return messageSecurity((messages) =>
    messages
      .nullDestMatcher()
      .permitAll()
      .simpSubscribeDestMatchers("/topic/kitchen")
      .hasRole("COOK")
      .simpDestMatchers("/topic/**", "/queue/**", "/app/**", "/user/queue/*")
      .permitAll()
      .anyMessage()
      .denyAll(),
  );
}

/**
 * A server with rules, queues and a history, whose staff has the inspector at `/admin/stomp`. People say their names
 * in a header at the endpoint; the staff in another one, or in a cookie, with what they are allowed.
 */
export class InspectorStage {
  readonly server: TestServer;
  readonly acts: MessagingEvents["inspected"][] = [];
  readonly #clients: RawClient[] = [];

  private constructor(server: TestServer) {
    this.server = server;
    server.messaging.on("inspected", (act) => void this.acts.push(act));
  }

  static async open(
    inspectorOptions: Partial<InspectorOptions> = {},
    { withoutRules = false, ...options }: Partial<StompMessagingOptions> & { withoutRules?: boolean } = {},
  ): Promise<InspectorStage> {
    const server = await startServer({
      endpoints: [
        {
          path: "/ws",
          sockJS: true,
          user: (req) => {
            const name = req.get("x-user");
            return name === undefined ? undefined : personOf(decodeURIComponent(name));
          },
        },
      ],
      broker: simpleBroker({
        destinationPrefixes: ["/topic", "/queue"],
        queuePrefixes: ["/queue"],
        retainLast: ["/topic/prices"],
        history: { destinations: ["/topic/orders"], size: 10, ttl: 60_000 },
        selectorHeaderName: "selector",
      }),
      ...(!withoutRules && { security: kitchenRules() }),
      controllers: [OrderController],
      ...options,
    });
    server.app.use(
      "/admin/stomp",
      (req, _res, next) => {
        const name = staffOf(req)?.split(":")[0];
        if (name) Object.assign(req, { user: { name } });
        next();
      },
      inspector(server.messaging, {
        allow: (req) => {
          const rights = staffOf(req)?.split(":")[1] ?? "";
          return rights.split(",") as InspectorPermission[];
        },
        ...inspectorOptions,
      }),
    );
    return new InspectorStage(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** Connects a person, or a stranger. */
  async connect(name?: string, path = "/ws"): Promise<RawClient & { readonly sessionId: string }> {
    let sessionId = "";
    const stop = this.server.messaging.on("connected", (event) => {
      sessionId = event.sessionId;
    });
    const headers = name === undefined ? {} : { "x-user": encodeURIComponent(name) };
    const client = await RawClient.connect(this.server.port, "", path, { headers });
    this.#clients.push(client);
    await client.synchronize();
    stop();
    return Object.assign(client, { sessionId });
  }

  /** Asks the inspector as one of the staff. @param staff `name:rights`, separated by commas */
  async ask(path: string, staff = "sue:look", headers: Record<string, string> = {}): Promise<JsonAnswer> {
    return this.#answer(path, { headers: { "x-staff": staff, ...headers } });
  }

  /** Has it do something. */
  async act(
    name: string,
    body: unknown,
    staff = "sue:look,disconnect,unsubscribe,send",
    headers: Record<string, string> = {},
  ): Promise<JsonAnswer> {
    return this.#answer(`api/${name}`, {
      method: "POST",
      headers: { "x-staff": staff, "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.cut();
    await this.server.close();
  }

  async #answer(path: string, init: RequestInit): Promise<JsonAnswer> {
    const response = await fetch(`${this.origin}/admin/stomp/${path}`, { redirect: "manual", ...init });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
}

function staffOf(req: Request): string | undefined {
  return req.get("x-staff") ?? /(?:^|; )staff=([^;]*)/.exec(req.get("cookie") ?? "")?.[1];
}

import {
  type MessageMatchers,
  type MessageSecurityOptions,
  type MessagingEvents,
  messageSecurity,
  type Principal,
  type StompMessagingOptions,
} from "express-stomp";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

/** People as an application keeps them: what they may do changes while they are connected. */
class Person implements Principal {
  readonly roles = new Set<string>();
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A topic for the staff, topics for all who have a user, and nothing else. */
export function staffRules(messages: MessageMatchers) {
  return messages
    .nullDestMatcher()
    .permitAll()
    .simpSubscribeDestMatchers("/user/queue/*")
    .permitAll()
    .simpDestMatchers("/topic/staff")
    .hasRole("STAFF")
    .simpDestMatchers("/topic/*")
    .authenticated()
    .anyMessage()
    .denyAll();
}

/** A server with rules, where rod is a user and ann one of the staff, and clients. */
export class SecurityStage {
  server!: TestServer;
  people = new Map<string, Person>();
  denials: MessagingEvents["accessDenied"][] = [];
  readonly #clients: RawClient[] = [];

  async start(
    build: (messages: MessageMatchers) => unknown,
    options: MessageSecurityOptions = {},
    others: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    this.people = new Map(["rod", "ann"].map((name) => [name, new Person(name)]));
    this.people.get("ann")?.roles.add("STAFF");
    this.server = await startServer({
      endpoints: [{ path: "/ws", user: (req) => this.people.get(req.get("x-user") ?? "") }],
      security: messageSecurity(build, options),
      ...others,
    });
    this.denials = [];
    this.server.messaging.on("accessDenied", (event) => void this.denials.push(event));
  }

  /** A client that has connected, of a user or a stranger. */
  async connect(user?: string, connectHeaders = ""): Promise<RawClient> {
    const headers = user === undefined ? {} : { "x-user": user };
    return this.#kept(await RawClient.connect(this.server.port, connectHeaders, "/ws", { headers }));
  }

  /** A WebSocket on which nothing was said yet. */
  async open(): Promise<RawClient> {
    return this.#kept(await RawClient.open(this.server.port));
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.cut();
    await this.server.close();
  }

  #kept(client: RawClient): RawClient {
    this.#clients.push(client);
    return client;
  }
}

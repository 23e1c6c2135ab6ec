import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  type AccessFunction,
  Authorize,
  authenticated,
  Controller,
  hasRole,
  MessageMapping,
  type MessageSecurityOptions,
  messageSecurity,
  Payload,
  type Principal,
  SendTo,
  type StompMessaging,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { missingExamples } from "../support/documented.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const granted = new Map([
  ["ann", new Set(["ROLE_STAFF", "ROLE_EDITOR"])],
  ["rod", new Set<string>()],
]);
const permissions = {
  of: (name: string) => granted.get(name) ?? [],
  async remove(name: string, authority: string) {
    granted.get(name)?.delete(authority);
  },
};
const isMember: AccessFunction = (user, _message, variables) =>
  user?.name === "rod" && variables.get("room") === "tea";

// biome-ignore format: rules read as a table
const security = messageSecurity((messages) =>
  messages
    .nullDestMatcher().authenticated() // CONNECT, ACK, BEGIN …
    .simpSubscribeDestMatchers("/user/queue/errors").permitAll()
    .simpDestMatchers("/app/staff/**", "/topic/staff/**").hasRole("STAFF")
    .simpSubscribeDestMatchers("/topic/rooms/{room}").access(isMember)
    .simpMessageDestMatchers("/app/**").authenticated()
    .simpSubscribeDestMatchers("/topic/news", "/user/queue/*").authenticated()
    .anyMessage().denyAll(),
);

const withRoles: MessageSecurityOptions = {
  authoritiesOf: (user) => permissions.of(user.name), // ["ROLE_STAFF", "news:write"]
};

// biome-ignore format: rules read as a table
const relayed = messageSecurity(
  (messages) =>
    messages
      .nullDestMatcher().authenticated()
      .simpDestMatchers("/topic/staff.**").hasRole("STAFF")
      .simpDestMatchers("/topic/**").authenticated()
      .anyMessage().denyAll(),
  { broker: "relay", destinationSeparator: "." },
);

@Controller()
@Authorize(authenticated())
class NewsController {
  @MessageMapping("/news")
  @Authorize(hasRole("EDITOR"))
  @SendTo("/topic/news")
  publish(@Payload() text: string) {
    return text;
  }

  @MessageMapping("/desk/{name}")
  @Authorize((user, _message, variables) => user?.name === variables.get("name"))
  @SendTo("/topic/desk/{name}")
  note(@Payload() text: string) {
    return text;
  }
}

describe("docs/security.md", () => {
  let server: TestServer;
  let messaging: StompMessaging;
  const audit: string[] = [];
  const clients: RawClient[] = [];

  async function dismiss(name: string) {
    await permissions.remove(name, "ROLE_STAFF");
    await messaging.recheck({ user: name }, "You are no longer one of the staff");
  }

  before(async () => {
    server = await startServer({
      endpoints: [
        { path: "/ws", user: (req): Principal | undefined => ({ name: req.get("x-user") ?? "nobody" }) },
      ],
      controllers: [NewsController],
      security: messageSecurity(
        (messages) =>
          messages.simpDestMatchers("/topic/staff/**").hasRole("STAFF").anyMessage().authenticated(),
        withRoles,
      ),
    });
    messaging = server.messaging;
    messaging.on("accessDenied", ({ user, message, rule }) => {
      audit.push(`${user?.name ?? "a stranger"}: ${message.headers.destination} (${rule})`);
    });
  });

  after(async () => {
    for (const client of clients) client.cut();
    await server.close();
  });

  async function connect(user: string): Promise<RawClient> {
    const client = await RawClient.connect(server.port, "", "/ws", { headers: { "x-user": user } });
    clients.push(client);
    return client;
  }

  it("shows what is tried here", () => {
    expect(missingExamples("docs/security.md", "spec/docs/security.spec.ts")).to.deep.equal([]);
  });

  it("names specs that are there", () => {
    const named = readFileSync("docs/security.md", "utf8").matchAll(/`(spec\/[^`]+)`/g);
    for (const [, path = ""] of named) expect(() => readFileSync(path), path).to.not.throw(/ENOENT/);
  });

  it("decides about its rules as it says", async () => {
    const decision = await security.decide({ name: "rod" }, { type: "SUBSCRIBE", destination: "/topic/*/x" });
    decision.granted; // false
    decision.rule; // 3 simpDestMatchers("/app/staff/**", "/topic/staff/**") hasRole("STAFF")
    expect(decision).to.deep.equal({
      granted: false,
      rule: '3 simpDestMatchers("/app/staff/**", "/topic/staff/**") hasRole("STAFF")',
    });
    for (const [destination, expected] of [
      ["/topic/rooms/tea", true],
      ["/topic/rooms/coffee", false],
      ["/topic/rooms/*", false],
      ["/topic/news", true],
      ["/topic/other", false],
    ] as const) {
      const found = await security.decide({ name: "rod" }, { type: "SUBSCRIBE", destination });
      expect(found.granted, destination).to.equal(expected);
    }
    expect((await security.decide(undefined, { type: "CONNECT" })).granted).to.equal(false);
  });

  it("lets editors publish, and each write to their own desk", async () => {
    const [ann, rod] = [await connect("ann"), await connect("rod")];
    rod.send(
      "SUBSCRIBE\nid:1\ndestination:/topic/news\n\n^@SUBSCRIBE\nid:2\ndestination:/topic/desk/*\n\n^@",
    );
    await rod.synchronize();
    ann.send("SEND\ndestination:/app/news\n\nnews^@");
    expect(await rod.frame()).to.include("\n\nnews^@");
    rod.send("SEND\ndestination:/app/desk/rod\n\nnote^@");
    expect(await rod.frame()).to.include("\n\nnote^@");
    rod.send("SEND\ndestination:/app/desk/ann\n\nnote^@");
    expect(await rod.frame()).to.include("ERROR\nmessage:Access denied\\c SEND /app/desk/ann\n");
    expect(audit.splice(0)).to.deep.equal(["rod: /app/desk/ann (@Authorize(access(…)))"]);
  });

  it("ends what the dismissed still hear", async () => {
    const ann = await connect("ann");
    ann.send("SUBSCRIBE\nid:1\ndestination:/topic/staff/plans\n\n^@");
    await ann.synchronize();

    await dismiss("ann");
    await messaging.template.convertAndSend("/topic/staff/plans", "hush");

    const [last, ...more] = await ann.synchronize();
    expect(last).to.include("\nunsubscribed:You are no longer one of the staff\n");
    expect(more).to.deep.equal([]);
  });

  it("knows the wildcards behind a relay", async () => {
    for (const [destination, expected] of [
      ["/topic/news.#", true],
      ["/topic/#", false],
      ["/topic/staff", false],
      ["/topic/>", false],
    ] as const) {
      const found = await relayed.decide({ name: "rod" }, { type: "SUBSCRIBE", destination });
      expect(found.granted, destination).to.equal(expected);
    }
    expect(() =>
      stompMessaging({
        endpoints: [{ path: "/ws" }],
        destinationSeparator: ".",
        security: relayed,
        broker: simpleBroker(),
      }),
    ).to.not.throw();
  });
});

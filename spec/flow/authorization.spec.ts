import { expect } from "chai";
import {
  Controller,
  DestinationVariable,
  MessageMapping,
  messageSecurity,
  type Principal,
  SubscribeMapping,
} from "express-stomp";
import fc from "fast-check";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const called: string[] = [];

/** Everything here is denied by a rule that is written with the same patterns. */
@Controller()
class Guarded {
  @MessageMapping("/café", "/room/{id}", "/*/secret", "/{a}-{b}", "/deep/**", "/number/{n:[0-9]+}")
  sent() {
    called.push("SEND");
  }

  @SubscribeMapping("/café", "/room/{id}", "/*/secret", "/{a}-{b}", "/deep/**", "/number/{n:[0-9]+}")
  asked() {
    called.push("SUBSCRIBE");
    return "a secret";
  }
}

/** And this, though its pattern fits as much, is not: what gets past a rule gets here. */
@Controller()
class Open {
  @MessageMapping("/open/{x}")
  open(@DestinationVariable("x") x: string) {
    called.push(`open ${x}`);
  }
}

const APP = ["/app/café", "/app/room/7", "/app/x/secret", "/app/a-b", "/app/deep/er", "/app/number/42"];

/** How a destination may be spelled, as it stands in the header: `\c` and its like are escapes of STOMP. */
const pieces = fc.constantFrom(
  ...[
    "/",
    "//",
    "/./",
    "/../",
    "/x/../",
    "\\\\",
    "\\c",
    "\\n",
    "\\r",
    " ",
    "\t",
    "\u00a0",
    "\u200b",
    "\ufeff",
  ],
  ...["%2f", "%2F", "%5c", "%00", "%20", ";a=b", "?", "?a=b", "#", "*", "**", ".", ",", "\u202e", "\u0301"],
);
type Mutation = (text: string) => string;
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(pieces, fc.double({ min: 0, max: 1, noNaN: true })).map(([piece, where]): Mutation => {
    return (text) => {
      const at = Math.round(where * text.length);
      return text.slice(0, at) + piece + text.slice(at);
    };
  }),
  pieces.map(
    (piece): Mutation =>
      (text) =>
        text + piece,
  ),
  pieces.map(
    (piece): Mutation =>
      (text) =>
        piece + text,
  ),
  fc.constantFrom<Mutation>(
    (text) => text.toUpperCase(),
    (text) => text.replace("/app", "/App"),
    (text) => text.normalize("NFD"),
    (text) => text.normalize("NFKC"),
    (text) => text.replace("a", "\uff41"),
    (text) => text.replaceAll("/", "\uff0f"),
    (text) => text.replaceAll("/", "\\\\"),
    (text) => text.replace(/^\//, ""),
    (text) => text.replace("s", "\u017f"),
    (text) => encodeURI(text),
    (text) => text.replace("/app", "/app/app"),
    (text) => text.replace("/topic", "/topic/../topic"),
    (text) => text.replace(/[^/]+$/, "*"),
    (text) => text.replace(/[^/]+$/, "{x}"),
    (text) => text.replace(/[^/]$/, "?"),
    (text) => text.replace(/\/[^/]+$/, "/**"),
  ),
);
const spelled = (bases: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...bases), fc.array(mutation, { maxLength: 4 }))
    .map(([base, mutations]) => mutations.reduce((text, mutate) => mutate(text), base));

describe("A guarded destination, however it is spelled", () => {
  let server: TestServer;

  before(async () => {
    const patterns = ["/café", "/room/{id}", "/*/secret", "/{a}-{b}", "/deep/**", "/number/{n:[0-9]+}"];
    const [first = "", ...others] = patterns.map((pattern) => `/app${pattern}`);
    server = await startServer({
      endpoints: [
        {
          path: "/ws",
          user: (req): Principal | undefined =>
            req.get("x-user") === undefined ? undefined : { name: req.get("x-user") ?? "" },
        },
      ],
      controllers: [Guarded, Open],
      clientsMaySendToUsers: true,
      security: messageSecurity(
        (messages) =>
          messages
            .simpDestMatchers(first, ...others)
            .denyAll()
            .simpSubscribeDestMatchers("/topic/café", "/topic/*/secret", "/user/queue/*")
            .access((user) => user?.name === "jo/é%")
            .simpMessageDestMatchers("/topic/café", "/topic/*/secret", "/user/jo%2Fé%25/**")
            .denyAll()
            .anyMessage()
            .permitAll(),
        { onDenied: "drop" },
      ),
    });
  });

  beforeEach(() => void called.splice(0));
  after(() => server.close());

  async function stranger(use: (client: RawClient) => Promise<void>): Promise<void> {
    const client = await RawClient.connect(server.port);
    try {
      await use(client);
    } finally {
      client.cut();
    }
  }

  it("is reached by no SEND and no SUBSCRIBE at a controller", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(spelled([...APP, "/app/open/x"]), async (destination) => {
        await stranger(async (client) => {
          client.send(
            `SEND\ndestination:${destination}\n\nhi^@SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@`,
          );
          await client.outcome();
        });
        expect(called.splice(0).filter((call) => !call.startsWith("open "))).to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  });

  it("shows that its spelling is what is tried: the open one is reached", async () => {
    await stranger(async (client) => {
      client.send("SEND\ndestination:/app/open/x\\cy\n\nhi^@");
      await client.synchronize();
    });
    expect(called).to.deep.equal(["open x:y"]);
  });

  it("is heard by no SUBSCRIBE at the broker", async function () {
    this.timeout(120_000);
    const { template } = server.messaging;
    const bases = ["/topic/café", "/topic/x/secret", "/user/queue/x", "/topic/*", "/topic/**", "/topic/*/*"];
    await fc.assert(
      fc.asyncProperty(spelled(bases), async (destination) => {
        await stranger(async (client) => {
          client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@`);
          await client.outcome();
          if (client.webSocket.readyState !== client.webSocket.OPEN) return;
          for (const secret of ["/topic/café", "/topic/x/secret", "/topic/\u00a0/secret"]) {
            await template.convertAndSend(secret, "a secret");
          }
          const heard = (await client.synchronize()).filter((frame) => frame.includes("a secret"));
          expect(heard).to.deep.equal([]);
        });
      }),
      { numRuns: 250 },
    );
  });

  it("is heard of no SEND by those who listen", async function () {
    this.timeout(120_000);
    const headers = { "x-user": "jo/\u00e9%" };
    const listener = await RawClient.connect(server.port, "", "/ws", { headers });
    for (const destination of ["/topic/café", "/topic/*/secret", "/user/queue/x"]) {
      listener.send(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\n\n^@`);
    }
    expect(await listener.synchronize()).to.deep.equal([]);
    await server.messaging.template.convertAndSend("/topic/café", "audible");
    expect(await listener.frame()).to.include("audible");
    await server.messaging.template.convertAndSendToUser("jo/é%", "/queue/x", "private");
    expect(await listener.frame()).to.include("private");

    const user = "/user/jo%2Fé%25/queue/x";
    const bases = ["/topic/café", "/topic/x/secret", user, user.replace("%25", "%"), user.replace("F", "f")];
    await fc.assert(
      fc.asyncProperty(spelled(bases), async (destination) => {
        await stranger(async (client) => {
          client.send(`SEND\ndestination:${destination}\n\nhi^@`);
          await client.outcome();
        });
        expect(await listener.synchronize()).to.deep.equal([]);
      }),
      { numRuns: 250 },
    );
    listener.cut();
  });
});

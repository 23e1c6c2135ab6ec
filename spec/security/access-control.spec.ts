import { expect } from "chai";
import {
  AccessDeniedError,
  bearerToken,
  type ChannelInterceptor,
  type MessageMatchers,
  type MessageSecurityOptions,
  type MessagingEvents,
  messageSecurity,
  type Principal,
  type StompMessagingOptions,
  withHeaders,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** People as an application keeps them: what they may do changes while they are connected. */
class Person implements Principal {
  readonly roles = new Set<string>();
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

describe("The option security", () => {
  let server: TestServer;
  let people: Map<string, Person>;
  let denials: MessagingEvents["accessDenied"][];
  const clients: RawClient[] = [];

  async function start(
    build: (messages: MessageMatchers) => unknown,
    options: MessageSecurityOptions = {},
    others: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    people = new Map(["rod", "ann"].map((name) => [name, new Person(name)]));
    people.get("ann")?.roles.add("STAFF");
    server = await startServer({
      endpoints: [{ path: "/ws", user: (req) => people.get(req.get("x-user") ?? "") }],
      security: messageSecurity(build, options),
      ...others,
    });
    denials = [];
    server.messaging.on("accessDenied", (event) => void denials.push(event));
  }

  async function connect(user?: string): Promise<RawClient> {
    const headers = user === undefined ? {} : { "x-user": user };
    const client = await RawClient.connect(server.port, "", "/ws", { headers });
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  const rules = (messages: MessageMatchers) =>
    messages
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

  describe("when a rule denies", () => {
    for (const frame of [
      "SEND\ndestination:/topic/staff\n\nhi^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/*\n\n^@",
      "SEND\ndestination:/elsewhere\n\nhi^@",
    ]) {
      const [command, destination] = [/^\w+/.exec(frame), /destination:(.*)/.exec(frame)?.[1]];
      it(`answers ${command} ${destination} with an ERROR that says what, and closes`, async () => {
        await start(rules);
        const rod = await connect("rod");

        rod.send(frame);

        expect(await rod.frame()).to.equal(
          `ERROR\nmessage:Access denied\\c ${command} ${destination}\ncontent-length:0\n\n^@`,
        );
        expect(await rod.closed()).to.equal(1002);
        expect(denials.map(({ user, message }) => [user?.name, message.headers.destination])).to.deep.equal([
          ["rod", destination],
        ]);
      });
    }

    it("lets the same pass for whom it grants it", async () => {
      await start(rules);
      const [ann, rod] = [await connect("ann"), await connect("rod")];
      ann.send("SUBSCRIBE\nid:1\ndestination:/topic/*\n\n^@");
      await ann.synchronize();

      ann.send("SEND\ndestination:/topic/staff\n\nbetween us^@");
      rod.send("SEND\ndestination:/topic/all\n\nto all^@");

      const received = [await ann.frame(), await ann.frame()].map(
        (frame) => /destination:.*/.exec(frame)?.[0],
      );
      expect(received.sort()).to.deep.equal(["destination:/topic/all", "destination:/topic/staff"]);
      expect(denials).to.deep.equal([]);
    });

    it("refuses CONNECT, and nothing that follows passes", async () => {
      await start((messages) => messages.nullDestMatcher().authenticated().anyMessage().permitAll());
      const stranger = await RawClient.open(server.port);
      clients.push(stranger);
      stranger.send(
        "CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/topic/a\nreceipt:1\n\nhi^@",
      );

      expect(await stranger.frame()).to.equal(
        "ERROR\nmessage:Access denied\\c CONNECT\ncontent-length:0\n\n^@",
      );
      expect(await stranger.closed()).to.equal(1002);
      expect(denials.map(({ rule }) => rule)).to.deep.equal(["1 nullDestMatcher() authenticated()"]);
      await (await connect("rod")).synchronize();
    });

    it("judges ACK and BEGIN as what has no destination", async () => {
      await start((messages) =>
        messages.simpTypeMatchers("OTHER").denyAll().nullDestMatcher().permitAll().anyMessage().permitAll(),
      );
      const rod = await connect("rod");
      rod.send("BEGIN\ntransaction:1\n\n^@");
      expect(await rod.frame()).to.include("message:Access denied\\c BEGIN\n");
    });

    it("cannot keep a client from leaving, or a subscription from ending", async () => {
      await start((messages) =>
        messages.simpTypeMatchers("CONNECT").permitAll().nullDestMatcher().denyAll().anyMessage().permitAll(),
      );
      const rod = await connect("rod");
      rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await rod.synchronize();
      rod.send("UNSUBSCRIBE\nid:1\nreceipt:u\n\n^@");
      expect(await rod.frame()).to.include("receipt-id:u\n");

      await server.messaging.template.convertAndSend("/topic/a", "nobody hears it");
      rod.send("DISCONNECT\nreceipt:d\n\n^@");

      expect(await rod.frame()).to.include("receipt-id:d\n");
      expect(await rod.closed()).to.equal(1000);
    });

    it("is asked behind the interceptors, about what they made of a message", async () => {
      const moving: ChannelInterceptor = {
        preSend: (message) =>
          message.headers.destination === "/topic/a"
            ? withHeaders(message, { destination: "/topic/staff" })
            : message,
      };
      await start(rules, {}, { clientInboundChannel: { interceptors: [moving] } });
      const rod = await connect("rod");
      rod.send("SEND\ndestination:/topic/a\n\nhi^@");
      expect(await rod.frame()).to.include("message:Access denied\\c SEND /topic/staff\n");
    });

    it("tells the text and the headers of an AccessDeniedError", async () => {
      await start((messages) =>
        messages
          .nullDestMatcher()
          .permitAll()
          .anyMessage()
          .access(async () => {
            throw new AccessDeniedError("The room is closed", { publicHeaders: { code: "CLOSED" } });
          }),
      );
      const rod = await connect("rod");
      rod.send("SEND\ndestination:/topic/a\n\nhi^@");
      expect(await rod.frame()).to.equal(
        "ERROR\nmessage:The room is closed\ncode:CLOSED\ncontent-length:0\n\n^@",
      );
    });

    for (const [how, fail] of [
      [
        "throws",
        () => {
          throw new Error("secret: no database");
        },
      ],
      ["rejects", () => Promise.reject(new Error("secret: no database"))],
    ] as const) {
      it(`denies when a function ${how}, tells nothing of that, and logs it`, async () => {
        await start((messages) => messages.nullDestMatcher().permitAll().anyMessage().access(fail));
        const rod = await connect("rod");
        rod.send("SEND\ndestination:/topic/a\n\nhi^@");
        expect(await rod.frame()).to.equal(
          "ERROR\nmessage:Access denied\\c SEND /topic/a\ncontent-length:0\n\n^@",
        );
        expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([
          "error The rules could not decide, and so denied Error: secret: no database",
        ]);
      });
    }
  });

  describe("when onDenied is drop", () => {
    it("loses the message, and the session lives", async () => {
      await start(rules, { onDenied: "drop" });
      const rod = await connect("rod");
      rod.send(
        "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@SUBSCRIBE\nid:2\ndestination:/user/queue/errors\n\n^@",
      );
      expect(await rod.synchronize()).to.deep.equal([]);

      await server.messaging.template.convertAndSend("/topic/staff", "hush");
      rod.send("SEND\ndestination:/topic/staff\n\nhi^@");
      expect(await rod.synchronize()).to.deep.equal([]);
      expect(denials).to.have.length(2);
    });

    it("gives ERROR all the same where a receipt would be a lie", async () => {
      await start(rules, { onDenied: "drop" });
      const rod = await connect("rod");
      rod.send("SEND\ndestination:/topic/staff\nreceipt:7\n\nhi^@");
      expect(await rod.frame()).to.equal(
        "ERROR\nmessage:Access denied\\c SEND /topic/staff\nreceipt-id:7\ncontent-length:0\n\n^@",
      );
      expect(await rod.closed()).to.equal(1002);
    });

    it("gives ERROR to a refused CONNECT", async () => {
      await start((messages) => messages.anyMessage().authenticated(), { onDenied: "drop" });
      const stranger = await RawClient.open(server.port);
      clients.push(stranger);
      stranger.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
      expect(await stranger.frame()).to.include("message:Access denied\\c CONNECT\n");
    });
  });

  describe("when onDenied is message", () => {
    for (const name of ["rod", undefined]) {
      it(`tells the session of ${name ?? "a stranger"} at /user/queue/errors, and it alone`, async () => {
        await start(rules, { onDenied: "message" });
        const [one, other] = [await connect(name), await connect(name)];
        for (const client of [one, other]) {
          client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/errors\n\n^@");
          await client.synchronize();
        }

        one.send("SEND\ndestination:/topic/staff\n\nhi^@SEND\ndestination:/else\\cwhere\n\nhi^@");

        const [first, second] = await one.synchronize();
        expect(first).to.match(
          /^MESSAGE\ndestination:\/user\/queue\/errors\n(?:.+\n)+\n\{"destination":"\/topic\/staff","message":"Access denied: SEND \/topic\/staff"\}\^@$/,
        );
        expect(second).to.include('{"destination":"/else:where"');
        expect(await other.synchronize()).to.deep.equal([]);
      });
    }
  });

  describe("when rights were taken away", () => {
    async function subscribed(name: string, ...destinations: string[]): Promise<RawClient> {
      const client = await connect(name);
      for (const destination of destinations) {
        client.send(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\n\n^@`);
      }
      await client.synchronize();
      return client;
    }

    it("ends what is denied now, tells why, and nothing comes any more", async () => {
      await start(rules);
      const ann = await subscribed("ann", "/topic/staff", "/topic/a", "/topic/*");
      people.get("ann")?.roles.clear();

      expect(await server.messaging.recheck({ user: "ann" })).to.equal(2);
      await server.messaging.template.convertAndSend("/topic/staff", "hush");
      await server.messaging.template.convertAndSend("/topic/a", "all");

      const frames = await ann.synchronize();
      expect(
        frames.map((frame) => /\nunsubscribed:(.*)|\n\n(.*)\^@/.exec(String(frame))?.slice(1)),
      ).to.deep.equal([
        ["Access denied\\c SUBSCRIBE /topic/staff", undefined],
        ["Access denied\\c SUBSCRIBE /topic/*", undefined],
        [undefined, "all"],
      ]);
      expect(denials.map(({ rule }) => rule)).to.deep.equal(
        Array(2).fill('3 simpDestMatchers("/topic/staff") hasRole("STAFF")'),
      );
    });

    it("looks at everybody, one user or one session, and says what it is told", async () => {
      await start((messages) =>
        messages
          .simpSubscribeDestMatchers("/topic/*")
          .access((user) => !people.get(user?.name ?? "")?.roles.has("OUT"))
          .anyMessage()
          .permitAll(),
      );
      const ids: string[] = [];
      server.messaging.on("connected", ({ sessionId }) => void ids.push(sessionId));
      const [one, two, rod] = [
        await subscribed("ann", "/topic/a"),
        await subscribed("ann", "/topic/a"),
        await subscribed("rod", "/topic/a"),
      ];
      for (const person of people.values()) person.roles.add("OUT");

      expect(await server.messaging.recheck({ user: "nobody" })).to.equal(0);
      expect(await server.messaging.recheck({ sessionId: ids[0]! }, "You are out")).to.equal(1);
      expect(await one.frame()).to.include("\nunsubscribed:You are out\n");
      expect(await two.synchronize()).to.deep.equal([]);
      expect(await server.messaging.recheck({ user: "ann" })).to.equal(1);
      expect(await rod.synchronize()).to.deep.equal([]);
      expect(await server.messaging.recheck()).to.equal(1);
      expect(await server.messaging.recheck()).to.equal(0);
    });

    it("ends all that is denied, though one client cannot be told, and says so then", async () => {
      const fault = new Error("no room");
      const failing: ChannelInterceptor = {
        preSend(message) {
          if (message.headers.native.has("unsubscribed") && message.headers.destination === "/topic/staff")
            throw fault;
          return message;
        },
      };
      await start(rules, {}, { clientOutboundChannel: { interceptors: [failing] } });
      const ann = await subscribed("ann", "/topic/staff", "/topic/*");
      people.get("ann")?.roles.clear();

      const failure = await server.messaging.recheck({ user: "ann" }).catch((error: unknown) => error);

      expect((failure as Error).cause).to.equal(fault);
      expect(await ann.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/*\n");
      expect(server.messaging.userRegistry.findSubscriptions(() => true)).to.deep.equal([]);
    });

    it("judges a subscription that waits for its judgement by the new rights", async () => {
      let ask: () => void = () => {};
      const asked = new Promise<void>((resolve) => {
        ask = resolve;
      });
      let answer: () => void = () => {};
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await start((messages) =>
        messages
          .simpSubscribeDestMatchers("/topic/*")
          .access(async () => {
            const allowed = people.get("ann")?.roles.has("STAFF") === true;
            ask();
            await answered;
            return allowed;
          })
          .anyMessage()
          .permitAll(),
      );
      const ann = await connect("ann");
      ann.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await asked;
      people.get("ann")?.roles.clear();

      expect(await server.messaging.recheck({ user: "ann" })).to.equal(0);
      answer();

      expect(await ann.frame()).to.include("ERROR\nmessage:Access denied\\c SUBSCRIBE /topic/a\n");
    });

    it("ends a subscription that had passed and was not there yet", async () => {
      await start(rules, {}, {});
      // Behind the rules, which no interceptor of the options is.
      let passed: () => void = () => {};
      const waiting = new Promise<void>((resolve) => {
        passed = resolve;
      });
      let go: () => void = () => {};
      const gone = new Promise<void>((resolve) => {
        go = resolve;
      });
      server.messaging.clientInboundChannel.addInterceptor({
        async preSend(message) {
          if (message.headers.messageType === "SUBSCRIBE") {
            passed();
            await gone;
          }
          return message;
        },
      });
      const ann = await connect("ann");
      ann.send("SUBSCRIBE\nid:1\ndestination:/topic/staff\nreceipt:r\n\n^@");
      await waiting;
      people.get("ann")?.roles.clear();
      expect(await server.messaging.recheck({ user: "ann" })).to.equal(0);
      go();

      expect(await ann.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/staff\n");
      expect(await ann.frame()).to.include("receipt-id:r\n");
      expect(server.messaging.userRegistry.findSubscriptions(() => true)).to.deep.equal([]);
    });

    it("judges each session by the user it has now, not by another session's of that name", async () => {
      const grown: ChannelInterceptor = {
        preSend: (message) =>
          message.headers.messageType === "CONNECT" && message.headers.native.has("staff")
            ? withHeaders(message, { user: { name: "rod", roles: ["STAFF"] } as Principal })
            : message,
      };
      await start(rules, {}, { clientInboundChannel: { interceptors: [grown] } });
      await connect("rod");
      const staff = await RawClient.connect(server.port, "staff:yes\n", "/ws", {
        headers: { "x-user": "rod" },
      });
      clients.push(staff);
      staff.send("SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@");
      await staff.synchronize();

      expect(await server.messaging.recheck({ user: "rod" })).to.equal(0);
    });

    it("judges a session anew whose token was renewed, which rules let pass as what has no destination", async () => {
      const tokens = bearerToken({
        verify: (token) => ({
          user: { name: "rod", roles: token === "staff" ? ["STAFF"] : [] } as Principal,
          exp: Date.now() / 1000 + 600,
        }),
        renewal: { destination: "/app/token" },
      });
      await start(rules, {}, { clientInboundChannel: { interceptors: [tokens] } });
      const [one, other] = [
        await RawClient.connect(server.port, "Authorization:Bearer staff\n"),
        await RawClient.connect(server.port, "Authorization:Bearer staff\n"),
      ];
      clients.push(one, other);
      for (const client of [one, other]) {
        client.send(
          "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@SUBSCRIBE\nid:2\ndestination:/topic/a\n\n^@",
        );
        await client.synchronize();
      }

      one.send("SEND\ndestination:/app/token\nAuthorization:Bearer plain\nreceipt:r\n\n^@");

      expect(await one.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/staff\n");
      expect(await one.frame()).to.include("receipt-id:r\n");
      await server.messaging.template.convertAndSend("/topic/staff", "hush");
      expect(await one.synchronize()).to.deep.equal([]);
      expect(await other.frame()).to.include("\n\nhush^@");
    });

    it("has nothing to do without rules", async () => {
      await start(rules, {}, { security: undefined as never });
      const rod = await connect("rod");
      rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await rod.synchronize();
      expect(await server.messaging.recheck()).to.equal(0);
    });
  });
});

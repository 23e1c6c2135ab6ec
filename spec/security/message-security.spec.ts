import { expect } from "chai";
import {
  AccessDeniedError,
  ConfigurationError,
  createMessage,
  type ImaginedMessage,
  type MessageMatchers,
  type MessageSecurityOptions,
  messageSecurity,
  type Principal,
} from "express-stomp";
import { rod, SEND, SUBSCRIBE, staff, verdict } from "../support/verdict.js";

describe("messageSecurity", () => {
  describe("when rules are asked", () => {
    const build = (messages: MessageMatchers) =>
      messages
        .nullDestMatcher()
        .authenticated()
        .simpSubscribeDestMatchers("/user/queue/errors")
        .permitAll()
        .simpDestMatchers("/app/**")
        .hasRole("USER")
        .simpSubscribeDestMatchers("/user/**", "/topic/friends/*")
        .hasRole("USER")
        .simpTypeMatchers("MESSAGE", "SUBSCRIBE")
        .denyAll()
        .anyMessage()
        .denyAll();
    const user = { name: "rod", roles: new Set(["USER"]) };
    const cases: [Principal | undefined, ImaginedMessage, string][] = [
      [undefined, { type: "CONNECT" }, "denied by 1"],
      [rod, { type: "CONNECT" }, "granted by 1"],
      [rod, { type: "OTHER" }, "granted by 1"],
      [undefined, SUBSCRIBE("/user/queue/errors"), "granted by 2"],
      [undefined, SEND("/user/queue/errors"), "denied by 5"],
      [rod, SEND("/app/greet"), "denied by 3"],
      [user, SEND("/app/greet"), "granted by 3"],
      [user, SUBSCRIBE("/app/greet"), "granted by 3"],
      [user, SUBSCRIBE("/topic/friends/joe"), "granted by 4"],
      [user, SEND("/topic/friends/joe"), "denied by 5"],
      [user, SUBSCRIBE("/topic/other"), "denied by 5"],
      [user, { type: "MESSAGE" }, "granted by 1"],
      [undefined, { type: "MESSAGE" }, "denied by 1"],
    ];
    for (const [who, message, expected] of cases) {
      const what = `${message.type} ${message.destination ?? ""}`;
      it(`${expected} is ${what} of ${who === rod ? "a user without roles" : who ? "a user" : "a stranger"}`, async () => {
        expect(await verdict(build, [who, message])).to.equal(expected);
      });
    }

    it("lets DISCONNECT and UNSUBSCRIBE pass, whatever they say", async () => {
      const security = messageSecurity((messages) =>
        messages.nullDestMatcher().denyAll().anyMessage().denyAll(),
      );
      for (const type of ["DISCONNECT", "UNSUBSCRIBE"] as const) {
        expect(await security.decide(undefined, { type })).to.include({ granted: true });
      }
    });

    it("prefers the rule that is written first, and of one rule the pattern", async () => {
      const found: unknown[] = [];
      const security = messageSecurity((messages) =>
        messages
          .simpDestMatchers("/a/{x}", "/a/b")
          .access((_user, _message, variables) => found.push(...variables) > 0)
          .simpDestMatchers("/**")
          .permitAll()
          .anyMessage()
          .denyAll(),
      );
      await security.decide(rod, SEND("/a/b"));
      expect(found).to.deep.equal([["x", "b"]]);
    });

    it("is asked about a whole message too, of another user perhaps", async () => {
      const security = messageSecurity((messages) =>
        messages
          .anyMessage()
          .access((user, { headers }) => user?.name === "rod" && headers.native.get("pin") === undefined),
      );
      const message = createMessage(new Uint8Array(), { destination: "/a", user: staff });
      expect((await security.decide(rod, message)).granted).to.equal(true);
      expect((await security.decide(null, message)).granted).to.equal(false);
    });

    it("refuses to decide about what no client sends", async () => {
      const security = messageSecurity((messages) => messages.anyMessage().permitAll());
      const error = await security
        .decide(rod, { type: "SEND" as "MESSAGE" })
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(ConfigurationError);
    });
  });

  describe("when a constraint is asked", () => {
    const people = { stranger: undefined, rod, staff };
    const constraints: [text: string, (messages: MessageMatchers) => unknown, granted: string][] = [
      ["permitAll", (m) => m.anyMessage().permitAll(), "stranger rod staff"],
      ["denyAll", (m) => m.anyMessage().denyAll(), ""],
      ["authenticated", (m) => m.anyMessage().authenticated(), "rod staff"],
      ["anonymous", (m) => m.anyMessage().anonymous(), "stranger"],
      ["hasRole", (m) => m.anyMessage().hasRole("STAFF"), "staff"],
      ["hasAnyRole", (m) => m.anyMessage().hasAnyRole("BOSS", "STAFF"), "staff"],
      ["hasAuthority", (m) => m.anyMessage().hasAuthority("news:write"), "staff"],
      ["hasAuthority ROLE_", (m) => m.anyMessage().hasAuthority("ROLE_STAFF"), "staff"],
      ["hasAuthority of a role's bare name", (m) => m.anyMessage().hasAuthority("STAFF"), ""],
      ["hasAnyAuthority", (m) => m.anyMessage().hasAnyAuthority("a", "news:write"), "staff"],
      ["hasRole, an authority of that name", (m) => m.anyMessage().hasRole("news:write"), ""],
      ["access", (m) => m.anyMessage().access((user) => user === rod), "rod"],
      ["access, later", (m) => m.anyMessage().access(async (user) => user === rod), "rod"],
      ["access, truthy only", (m) => m.anyMessage().access(() => 1 as unknown as boolean), ""],
      ["access, later truthy only", (m) => m.anyMessage().access(async () => "no" as unknown as boolean), ""],
    ];
    for (const [text, build, granted] of constraints) {
      it(`${text} grants ${granted || "nobody"}`, async () => {
        const security = messageSecurity(build);
        const found: string[] = [];
        for (const [name, user] of Object.entries(people)) {
          if ((await security.decide(user, { type: "CONNECT" })).granted) found.push(name);
        }
        expect(found.join(" ")).to.equal(granted);
      });
    }

    it("reads roles of nothing but arrays and sets", async () => {
      const security = messageSecurity((messages) =>
        messages.anyMessage().hasAnyRole("A", "length", "__proto__"),
      );
      for (const roles of ["A", { A: true, length: 1 }, 7, null, [["A"]]]) {
        expect(
          (await security.decide({ name: "x", roles } as Principal, { type: "CONNECT" })).granted,
        ).to.equal(false);
      }
    });

    for (const [how, authoritiesOf] of [
      ["at once", ({ name }: Principal) => [`ROLE_${name}`]],
      ["later", async ({ name }: Principal) => new Set([`ROLE_${name}`])],
    ] as const) {
      it(`asks authoritiesOf, which answers ${how}`, async () => {
        const security = messageSecurity((messages) => messages.anyMessage().hasRole("rod"), {
          authoritiesOf,
        });
        expect((await security.decide(rod, { type: "CONNECT" })).granted).to.equal(true);
        expect((await security.decide(staff, { type: "CONNECT" })).granted).to.equal(false);
        expect((await security.decide(undefined, { type: "CONNECT" })).granted).to.equal(false);
      });
    }

    it("takes an AccessDeniedError as a denial with a reason, and throws other errors on", async () => {
      const reason = new AccessDeniedError("Not before noon");
      const fault = new Error("no database");
      for (const fail of [
        (error: Error) => () => {
          throw error;
        },
        (error: Error) => async () => {
          throw error;
        },
      ]) {
        const denying = messageSecurity((messages) => messages.anyMessage().access(fail(reason)));
        expect(await denying.decide(rod, { type: "CONNECT" })).to.include({ granted: false, reason });
        const failing = messageSecurity((messages) => messages.anyMessage().access(fail(fault)));
        expect(await failing.decide(rod, { type: "CONNECT" }).catch((error: unknown) => error)).to.equal(
          fault,
        );
      }
    });
  });

  it("lets a prefix keep its slash where dots separate", async () => {
    const build = (messages: MessageMatchers) =>
      messages.simpDestMatchers("/app/**").permitAll().anyMessage().denyAll();
    const options = { destinationSeparator: "." } as const;
    for (const destination of ["/app/price", "/app/price.7.low"]) {
      expect(await verdict(build, [rod, SEND(destination), options])).to.equal("granted by 1");
    }
    expect(await verdict(build, [rod, SEND("/apps.7"), options])).to.equal("denied by 2");
  });

  it("prints the rules as a table", () => {
    const security = messageSecurity((messages) =>
      messages
        .nullDestMatcher()
        .authenticated()
        .simpSubscribeDestMatchers("/topic/a", "/topic/b/*")
        .hasAnyRole("A", "B")
        .simpDestMatchers("/app/room/{id}")
        .access(function isMember() {
          return true;
        })
        .simpMessageDestMatchers("/app/**")
        .access(() => true)
        .anyMessage()
        .denyAll(),
    );
    expect(String(security)).to.equal(
      [
        "1  nullDestMatcher()                                    authenticated()",
        '2  simpSubscribeDestMatchers("/topic/a", "/topic/b/*")  hasAnyRole("A", "B")',
        '3  simpDestMatchers("/app/room/{id}")                   access(isMember)',
        '4  simpMessageDestMatchers("/app/**")                   access(…)',
        "5  anyMessage()                                         denyAll()",
      ].join("\n"),
    );
  });

  describe("when it is given what makes no sense", () => {
    const options: [object, RegExp][] = [
      [{ onDenied: "close" }, /onDenied is "close": it must be "error-and-close" or "drop" or "message"/],
      [{ broker: "rabbitmq" }, /broker is "rabbitmq"/],
      [{ destinationSeparator: ":" }, /destinationSeparator is ":"/],
      [{ authoritiesOf: [] }, /authoritiesOf must be a function/],
      [{ ondenied: "drop" }, /has no option "ondenied"/],
    ];
    for (const [given, text] of options) {
      it(`does not start with ${JSON.stringify(given)}`, () => {
        expect(() =>
          messageSecurity((m) => m.anyMessage().denyAll(), given as MessageSecurityOptions),
        ).to.throw(ConfigurationError, text);
      });
    }

    it("does not start without a function", () => {
      expect(() => messageSecurity(undefined as never)).to.throw(
        ConfigurationError,
        /takes a function of the matchers/,
      );
    });
  });
});

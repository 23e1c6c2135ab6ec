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

const SEND = (destination: string): ImaginedMessage => ({ type: "MESSAGE", destination });
const SUBSCRIBE = (destination: string): ImaginedMessage => ({ type: "SUBSCRIBE", destination });
const rod: Principal = { name: "rod" };
const staff = { name: "ann", roles: ["STAFF"], authorities: ["news:write"] };

/** Whether the rules grant it, and the number of the one that decided. */
async function verdict(
  build: (messages: MessageMatchers) => unknown,
  [user, message, options]: [Principal | undefined, ImaginedMessage, MessageSecurityOptions?],
) {
  const { granted, rule } = await messageSecurity(build, options).decide(user, message);
  return `${granted ? "granted" : "denied"} by ${rule.split(" ", 1)}`;
}

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

  describe("when a subscription has wildcards", () => {
    const build = (messages: MessageMatchers) =>
      messages
        .simpSubscribeDestMatchers("/topic/secret/**")
        .hasRole("STAFF")
        .simpSubscribeDestMatchers("/topic/room/{id}")
        .access((_user, _message, variables) => variables.get("id") !== "9")
        .simpSubscribeDestMatchers("/topic/**")
        .authenticated()
        .anyMessage()
        .denyAll();
    const cases: [Principal, string, string][] = [
      [rod, "/topic/secret/plans", "denied by 1"],
      [rod, "/topic/*", "denied by 1"],
      [rod, "/topic/r*", "granted by 3"],
      [rod, "/topic/*/plans", "denied by 1"],
      [rod, "/topic/**", "denied by 1"],
      [rod, "/topic/s*", "denied by 1"],
      [rod, "/topic/s*/p*", "denied by 1"],
      [rod, "/topic/{x}/{y}", "denied by 1"],
      [rod, "/topic/secre?/plans", "denied by 1"],
      [rod, "/**", "denied by 1"],
      [rod, "/*/*/*", "denied by 1"],
      [staff, "/topic/secret/*", "granted by 1"],
      [staff, "/topic/secret/**/x", "granted by 1"],
      [staff, "/topic/room/7", "granted by 2"],
      [staff, "/topic/room/9", "denied by 2"],
      [staff, "/topic/room/*", "denied by 2"],
      [staff, "/topic/room/?", "denied by 2"],
      [staff, "/topic/*/7", "granted by 3"],
      [staff, "/topic/*/9", "denied by 2"],
      [staff, "/topic/news/*", "granted by 3"],
      [staff, "/*", "denied by 4"],
      [staff, "/topic/{", "denied by 2"],
      [rod, `/topic/${"*/".repeat(70)}`, "denied by 1"],
    ];
    for (const [user, destination, expected] of cases) {
      it(`${expected} is ${destination.slice(0, 40)} of ${user.name}`, async () => {
        expect(await verdict(build, [user, SUBSCRIBE(destination)])).to.equal(expected);
      });
    }

    it("asks functions about it whose patterns leave nothing open", async () => {
      const asked: (string | undefined)[] = [];
      const security = messageSecurity((messages) =>
        messages
          .simpDestMatchers("/topic/{id}/**")
          .access((_user, { headers }, variables) => asked.push(headers.destination, variables.get("id")) > 0)
          .simpDestMatchers("/queue/*")
          .access((_user, { headers }) => asked.push(headers.destination) > 0)
          .anyMessage()
          .denyAll(),
      );
      expect((await security.decide(rod, SUBSCRIBE("/topic/7/*"))).granted).to.equal(true);
      expect((await security.decide(rod, SUBSCRIBE("/queue/*"))).granted).to.equal(true);
      expect((await security.decide(rod, SUBSCRIBE("/topic/*/a"))).granted).to.equal(false);
      expect(asked).to.deep.equal(["/topic/7/*", "7", "/queue/*"]);
    });

    it("takes wildcards of a SEND as they stand, as the simple broker does", async () => {
      expect(
        await verdict(
          (messages) =>
            messages
              .simpDestMatchers("/topic/secret")
              .denyAll()
              .simpDestMatchers("/topic/*")
              .permitAll()
              .anyMessage()
              .denyAll(),
          [rod, SEND("/topic/*")],
        ),
      ).to.equal("granted by 2");
    });
  });

  describe("when a relay's broker reads the destinations", () => {
    const build = (messages: MessageMatchers) =>
      messages
        .simpDestMatchers("/topic/secret.**", "/topic/secret")
        .hasRole("STAFF")
        .simpDestMatchers("/topic/**", "/queue/**")
        .authenticated()
        .anyMessage()
        .denyAll();
    const options = { broker: "relay", destinationSeparator: "." } as const;
    const cases: [type: ImaginedMessage, expected: string][] = [
      [SUBSCRIBE("/topic/news"), "granted by 2"],
      [SUBSCRIBE("/topic/news.*"), "granted by 2"],
      [SUBSCRIBE("/topic/news.#"), "granted by 2"],
      [SUBSCRIBE("/topic/news.>"), "granted by 2"],
      [SUBSCRIBE("/topic/#"), "denied by 1"],
      [SUBSCRIBE("/topic/>"), "denied by 1"],
      [SUBSCRIBE("/topic/*"), "denied by 1"],
      [SUBSCRIBE("/topic/secret.#"), "denied by 1"],
      [SUBSCRIBE("/topic/#.secret"), "denied by 1"],
      [SUBSCRIBE("/topic/*.plans"), "denied by 1"],
      [SUBSCRIBE("/topic/secret?consumer.prefetchSize=1"), "denied by 1"],
      [SEND("/topic/news,/topic/secret"), "denied by 1"],
      [SUBSCRIBE("/topic/news,/topic/secret"), "denied by 1"],
      [SUBSCRIBE("/topic/secret "), "denied by 1"],
      [SUBSCRIBE(" /topic/secret"), "denied by 1"],
      [SEND("/topic/ secret"), "denied by 1"],
      [SUBSCRIBE("/topic/\tsecret.plans"), "denied by 1"],
      [SEND("/topic/\u0001secret"), "denied by 1"],
      [SUBSCRIBE("/topic/secret\u001f"), "denied by 1"],
      [SEND("/topic/my secret"), "granted by 2"],
      [SUBSCRIBE("/queue/mine::secret"), "denied by 1"],
      [SUBSCRIBE("/topic/{.#"), "denied by 1"],
      [SUBSCRIBE("/topic/{a.b}.*"), "denied by 1"],
      [SEND("/queue/>"), "granted by 2"],
      [SEND("/topic/>"), "denied by 1"],
      [SUBSCRIBE("#"), "denied by 1"],
    ];
    for (const [message, expected] of cases) {
      it(`${expected} is ${message.type} ${message.destination}`, async () => {
        expect(await verdict(build, [rod, message, options])).to.equal(expected);
      });
    }

    it("looks for its words where slashes separate, too", async () => {
      const slashes = (messages: MessageMatchers) =>
        messages
          .simpDestMatchers("/topic/secret")
          .denyAll()
          .simpDestMatchers("/topic/**")
          .permitAll()
          .anyMessage()
          .denyAll();
      for (const [destination, expected] of [
        ["/topic/secret.#", "denied by 1"],
        ["/topic/#", "denied by 1"],
        ["/topic/news.#", "granted by 2"],
        ["/topic/*", "denied by 1"],
      ] as const) {
        const found = await verdict(slashes, [rod, SUBSCRIBE(destination), { broker: "relay" }]);
        expect(found, destination).to.equal(expected);
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

  describe("when rules make no sense", () => {
    const wrong: [why: string, (messages: MessageMatchers) => unknown, text: RegExp][] = [
      ["there is none", () => {}, /do not end with anyMessage\(\)/],
      [
        "they do not end with anyMessage",
        (m) => m.nullDestMatcher().permitAll(),
        /do not end with anyMessage\(\)/,
      ],
      [
        "something stands behind anyMessage",
        (m) => m.anyMessage().denyAll().nullDestMatcher().permitAll(),
        /nullDestMatcher\(\) stands behind anyMessage/,
      ],
      [
        "anyMessage comes twice",
        (m) => m.anyMessage().denyAll().anyMessage().denyAll(),
        /stands behind anyMessage/,
      ],
      ["a matcher has no constraint", (m) => m.anyMessage(), /anyMessage\(\) does not say who may/],
      [
        "a matcher has none, and another follows",
        (m) => {
          m.simpDestMatchers("/a");
          m.anyMessage().denyAll();
        },
        /simpDestMatchers\("\/a"\) does not say who may/,
      ],
      [
        "a matcher has two",
        (m) => {
          const any = m.anyMessage();
          any.permitAll();
          any.denyAll();
        },
        /anyMessage\(\) has two authorizations/,
      ],
      [
        "a matcher names no destination",
        (m) => m.simpDestMatchers(),
        /simpDestMatchers\(\) names no destination/,
      ],
      ["a destination is empty", (m) => m.simpMessageDestMatchers(""), /simpMessageDestMatchers has ""/],
      ["a destination is no text", (m) => m.simpDestMatchers(7 as never), /simpDestMatchers has 7/],
      ["a pattern is malformed", (m) => m.simpSubscribeDestMatchers("/a/{b"), /has \/a\/\{b: The braces/],
      [
        "a destination comes twice in one rule",
        (m) => m.simpDestMatchers("/a", "/a").denyAll(),
        /simpDestMatchers\("\/a", "\/a"\) has \/a twice/,
      ],
      [
        "a rule is doubled",
        (m) => m.simpDestMatchers("/a").permitAll().simpDestMatchers("/a").denyAll(),
        /simpDestMatchers\("\/a"\) is never asked about \/a: simpDestMatchers\("\/a"\) stands before it/,
      ],
      [
        "a rule takes all of a later one's",
        (m) => m.simpDestMatchers("/a/**").permitAll().simpSubscribeDestMatchers("/a/b/*").denyAll(),
        /is never asked about \/a\/b\/\*/,
      ],
      [
        "two rules together do",
        (m) =>
          m
            .simpMessageDestMatchers("/**")
            .permitAll()
            .simpSubscribeDestMatchers("/a/*")
            .permitAll()
            .simpDestMatchers("/a/{x}")
            .denyAll(),
        /is never asked about \/a\/\{x\}/,
      ],
      [
        "all types were taken",
        (m) => m.nullDestMatcher().permitAll().simpTypeMatchers("CONNECT", "OTHER").denyAll(),
        /simpTypeMatchers\("CONNECT", "OTHER"\) is never asked/,
      ],
      ["there is no type", (m) => m.simpTypeMatchers(), /names no type/],
      [
        "a type is unknown",
        (m) => m.simpTypeMatchers("HEARTBEAT" as never),
        /"HEARTBEAT": clients' messages are/,
      ],
      ["a type is the server's", (m) => m.simpTypeMatchers("CONNECT_ACK" as never), /"CONNECT_ACK"/],
      ["a type comes twice", (m) => m.simpTypeMatchers("CONNECT", "CONNECT"), /a type twice/],
      [
        "clients were to be kept from leaving",
        (m) => m.simpTypeMatchers("DISCONNECT", "UNSUBSCRIBE").authenticated(),
        /cannot have authenticated\(\): DISCONNECT and UNSUBSCRIBE take effect/,
      ],
      [
        "a role has its prefix",
        (m) => m.anyMessage().hasRole("ROLE_USER"),
        /hasRole\("ROLE_USER"\) names a role with ROLE_/,
      ],
      ["a role is empty", (m) => m.anyMessage().hasRole(" "), /takes names, such as hasRole\("ADMIN"\)/],
      [
        "an authority is no text",
        (m) => m.anyMessage().hasAuthority(undefined as never),
        /hasAuthority\("news:write"\)/,
      ],
      ["there is no role", (m) => m.anyMessage().hasAnyRole(), /hasAnyRole\(\) names nothing/],
      ["access has no function", (m) => m.anyMessage().access(true as never), /access\(…\) takes a function/],
    ];
    for (const [why, build, text] of wrong) {
      it(`does not start, since ${why}`, () => {
        expect(() => messageSecurity(build)).to.throw(ConfigurationError, text);
      });
    }

    it("does start when one takes only some of a later one's", () => {
      messageSecurity((messages) =>
        messages
          .simpTypeMatchers("CONNECT", "UNSUBSCRIBE", "DISCONNECT")
          .permitAll()
          .nullDestMatcher()
          .authenticated()
          .simpMessageDestMatchers("/a/*")
          .permitAll()
          .simpDestMatchers("/a/b")
          .denyAll()
          .anyMessage()
          .denyAll(),
      );
    });

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

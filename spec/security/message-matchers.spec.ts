import { expect } from "chai";
import { ConfigurationError, type MessageMatchers, messageSecurity } from "express-stomp";

describe("MessageMatchers", () => {
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
  });
});

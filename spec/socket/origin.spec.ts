import { expect } from "chai";
import type { Request } from "express";
import { ConfigurationError } from "express-stomp";
import { type OriginOptions, originCheck } from "#lib/socket/origin.js";

function allowed(
  options: OriginOptions,
  origin: string | undefined,
  own = { protocol: "https", host: "chat.example" },
) {
  const { protocol, host } = own;
  const request = { headers: { origin, host }, protocol, get: () => undefined };
  return originCheck(options, false)(request as object as Request);
}

describe("originCheck", () => {
  describe("when nothing is configured", () => {
    it("lets the server's own pages and clients without Origin pass", () => {
      expect(allowed({}, undefined)).to.equal(true);
      expect(allowed({}, "https://chat.example")).to.equal(true);
      expect(allowed({}, "HTTPS://Chat.Example")).to.equal(true);
      expect(allowed({}, "https://chat.example:443")).to.equal(true);
      expect(allowed({}, "http://localhost:8080", { protocol: "http", host: "localhost:8080" })).to.equal(
        true,
      );
      expect(allowed({}, "https://chat.example", { protocol: "wss", host: "chat.example" })).to.equal(true);
    });

    for (const origin of [
      "http://chat.example",
      "https://chat.example:8443",
      "https://chat.example.evil.com",
      "https://evilchat.example",
      "https://evil.com",
      "null",
      "",
      "chat.example",
      "https://chat.example, https://evil.com",
    ]) {
      it(`refuses "${origin}"`, () => {
        expect(allowed({}, origin)).to.equal(false);
      });
    }

    it("refuses all pages when the request names no valid host", () => {
      expect(allowed({}, "https://x", { protocol: "https", host: "x y" })).to.equal(false);
    });
  });

  describe("when origins are allowed", () => {
    const options = {
      allowedOrigins: ["https://Good.com/", "https://other.com:8443", "http://plain.com:80"],
    };

    it("compares them without regard to case, a trailing slash or the scheme's own port", () => {
      expect(allowed(options, "https://good.com")).to.equal(true);
      expect(allowed(options, "https://GOOD.com/")).to.equal(true);
      expect(allowed(options, "https://good.com:443")).to.equal(true);
      expect(allowed(options, "https://other.com:8443")).to.equal(true);
      expect(allowed(options, "http://plain.com")).to.equal(true);
    });

    it("lets the server's own pages pass as well", () => {
      expect(allowed(options, "https://chat.example")).to.equal(true);
    });

    for (const origin of [
      "http://good.com",
      "https://good.com:8443",
      "https://other.com",
      "https://good.com.evil.com",
      "https://good.com//",
      "null",
    ]) {
      it(`refuses "${origin}"`, () => {
        expect(allowed(options, origin)).to.equal(false);
      });
    }

    it('takes "*" for all and "null" for pages without an origin', () => {
      expect(allowed({ allowedOrigins: ["*"] }, "https://any.com")).to.equal(true);
      expect(allowed({ allowedOrigins: ["*"] }, "null")).to.equal(true);
      expect(allowed({ allowedOrigins: ["null"] }, "null")).to.equal(true);
      expect(allowed({ allowedOrigins: ["null"] }, "https://any.com")).to.equal(false);
    });
  });

  describe("when patterns are allowed", () => {
    const cases: [pattern: string, origin: string, result: boolean][] = [
      ["*", "https://any.com", true],
      ["*", "null", true],
      ["https://*.x.com", "https://a.x.com", true],
      ["https://*.x.com", "https://a.b.X.com", true],
      ["https://*.x.com", "https://x.com", false],
      ["https://*.x.com", "https://evilx.com", false],
      ["https://*.x.com", "http://a.x.com", false],
      ["https://*.x.com", "https://a.x.com.evil.com", false],
      ["https://*.x.com", "https://evil.com/.x.com", false],
      ["https://*.x.com", "https://evil.com#.x.com", false],
      ["https://*.x.com", "https://a.x.com:8080", false],
      ["https://*.x.com:[8080,8081]", "https://a.x.com:8081", true],
      ["https://*.x.com:[8080, 8081]", "https://a.x.com:8081", true],
      ["https://*.x.com:[8080,8081]", "https://a.x.com:8082", false],
      ["https://*.x.com:[8080,8081]", "https://a.x.com", false],
      ["https://*.x.com:[443]", "https://a.x.com", true],
      ["https://*.x.com:[*]", "https://a.x.com", true],
      ["https://*.x.com:[*]", "https://a.x.com:1", true],
      ["https://*.x.com:[*]", "https://evil.com:1", false],
      ["http://localhost:*", "http://localhost:3000", true],
      ["http://localhost:*", "http://localhost.evil.com:3000", false],
      ["https://a*b*c.com", "https://abc.com", true],
      ["https://a*b*c.com", "https://a1b2c.com", true],
      ["https://a*b*c.com", "https://acb.com", false],
      ["https://ab*bc.com", "https://abc.com", false],
      ["https://*.a*.a.com", "https://x.a.a.com", true],
      ["https://*.a*.a.com", "https://x.a.com", false],
      ["capacitor://localhost", "capacitor://localhost", true],
    ];
    for (const [pattern, origin, result] of cases) {
      it(`${pattern} ${result ? "covers" : "does not cover"} ${origin}`, () => {
        expect(allowed({ allowedOriginPatterns: [pattern] }, origin)).to.equal(result);
      });
    }

    it("comes to an end with an origin made to take long", () => {
      const origin = `https://${"a".repeat(16_000)}!`;
      expect(allowed({ allowedOriginPatterns: [`https://${"*a".repeat(200)}.com`] }, origin)).to.equal(false);
    });
  });

  describe("when an option makes no sense", () => {
    const cases: [options: unknown, option: string][] = [
      [{ allowedOrigins: ["example.com"] }, "allowedOrigins"],
      [{ allowedOrigins: ["https://"] }, "allowedOrigins"],
      [{ allowedOrigins: ["https://a.com/path"] }, "allowedOrigins"],
      [{ allowedOrigins: ["https://*.a.com?"] }, "allowedOrigins"],
      [{ allowedOrigins: "https://a.com" }, "allowedOrigins"],
      [{ allowedOrigins: [/a/] }, "allowedOrigins"],
      [{ allowedOriginPatterns: ["x.com"] }, "allowedOriginPatterns"],
      [{ allowedOriginPatterns: ["https://*.x.com:[]"] }, "allowedOriginPatterns"],
      [{ allowedOriginPatterns: ["https://*.x.com:[80-90]"] }, "allowedOriginPatterns"],
      [{ allowedOriginPatterns: ["https://*.x.com/path"] }, "allowedOriginPatterns"],
    ];
    for (const [options, option] of cases) {
      it(`fails for ${JSON.stringify(options)} with the option's name`, () => {
        expect(() => originCheck(options as OriginOptions, false)).to.throw(ConfigurationError, option);
      });
    }

    it('fails for "*" with SockJS, and tells to use patterns', () => {
      expect(() => originCheck({ allowedOrigins: ["*"] }, true)).to.throw(
        ConfigurationError,
        /allowedOrigins.*allowedOriginPatterns/,
      );
    });
  });
});

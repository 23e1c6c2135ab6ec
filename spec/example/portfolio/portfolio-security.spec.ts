import { expect } from "chai";
import { portfolioSecurity } from "../../../example/portfolio/portfolio-security.js";

const FABRICE = { name: "fabrice" };
const HEARD = [
  "/app/positions",
  "/app/trades",
  "/app/quotes",
  "/app/server",
  "/user/queue/position-updates",
  "/user/queue/errors",
  "/topic/price.stock.MSFT",
  "/topic/price.stock.*",
];

for (const broker of ["simple", "relay"] as const) {
  describe(`the portfolio's rules, with the ${broker === "simple" ? "simple broker" : "relay"}`, () => {
    const security = portfolioSecurity(broker);
    const granted = async (
      user: typeof FABRICE | undefined,
      type: "MESSAGE" | "SUBSCRIBE",
      destination: string,
    ) => (await security.decide(user, { type, destination })).granted;

    it("let people trade, and hear prices and what is their own", async () => {
      expect(await granted(FABRICE, "MESSAGE", "/app/trade")).to.equal(true);
      for (const destination of HEARD) {
        expect(await granted(FABRICE, "SUBSCRIBE", destination), destination).to.equal(true);
      }
    });

    it("let strangers do nothing of it", async () => {
      expect((await security.decide(undefined, { type: "CONNECT" })).granted).to.equal(false);
      expect(await granted(undefined, "MESSAGE", "/app/trade")).to.equal(false);
      for (const destination of HEARD) {
        expect(await granted(undefined, "SUBSCRIBE", destination), destination).to.equal(false);
      }
    });

    it("let nobody make prices, write to others, or hear what servers say", async () => {
      for (const destination of [
        "/topic/price.stock.MSFT",
        "/topic/portfolio.users",
        "/topic/portfolio.logouts",
        "/user/paulson/queue/errors",
      ]) {
        expect(await granted(FABRICE, "MESSAGE", destination), destination).to.equal(false);
      }
      for (const destination of [
        "/topic/**",
        "/topic/#",
        "/topic/*.*",
        "/topic/portfolio.users",
        "/topic/portfolio.logouts",
        "/topic/portfolio.*",
      ]) {
        expect(await granted(FABRICE, "SUBSCRIBE", destination), destination).to.equal(false);
      }
    });
  });
}

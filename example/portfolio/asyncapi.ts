import type { StompMessaging } from "express-stomp";
import { type AsyncApi, asyncApi } from "express-stomp/asyncapi";
import { z } from "zod";
import type { PriceHistory, Quote } from "./quote-repository.js";
import { type Portfolio, type Trade, tradeSchema } from "./trade.js";

const trade = tradeSchema
  .extend({
    id: z.number().int(),
    state: z.enum(["placed", "executed", "rejected"]),
    price: z.number().int().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: "Trade" }) satisfies z.ZodType<Trade>;
const position = z.object({ ticker: z.string(), shares: z.number().int(), cost: z.number().int() });
const portfolio = z
  .object({ version: z.number().int(), cash: z.number().int(), positions: z.array(position) })
  .meta({ id: "Portfolio" }) satisfies z.ZodType<Portfolio>;
const quote = z
  .object({ ticker: z.string(), price: z.number().int(), round: z.number().int() })
  .meta({ id: "Quote" }) satisfies z.ZodType<Quote>;
const history = quote
  .omit({ price: true })
  .extend({ company: z.string(), prices: z.array(z.number().int()) })
  .meta({ id: "PriceHistory" }) satisfies z.ZodType<PriceHistory>;

/** Makes the document of what a portfolio's pages, and programs in other languages, may send and hear. */
export function portfolioApi(messaging: StompMessaging): AsyncApi {
  return asyncApi(messaging, {
    title: "Stock portfolio",
    version: "1.0.0",
    description: "Trade stocks, and hear of prices and of your own trades. Money is in cents.",
    host: "localhost:8080",
    securitySchemes: {
      login: {
        type: "httpApiKey",
        name: "portfolio.sid",
        in: "cookie",
        description: "As POST /login sets it",
      },
    },
    messages: {
      "/app/positions": portfolio,
      "/app/trades": z.array(trade),
      "/app/quotes": z.array(history),
      "/app/server": z.object({ name: z.string() }),
      "/topic/price.stock.{ticker}": quote,
      "/user/queue/position-updates": z.object({ trade, portfolio }),
      "/user/queue/errors": z.object({ code: z.string(), text: z.string(), trade: trade.optional() }),
    },
  });
}

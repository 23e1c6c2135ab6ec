import { AccessDeniedError, type ChannelInterceptor, type Message } from "express-stomp";
import { STOCKS } from "./stocks.js";

const MAY_SUBSCRIBE: ReadonlySet<string> = new Set([
  "/app/positions",
  "/app/trades",
  "/app/quotes",
  "/app/server",
  "/user/queue/position-updates",
  "/user/queue/errors",
  "/topic/price.stock.*",
  ...[...STOCKS.keys()].map((ticker) => `/topic/price.stock.${ticker}`),
]);

/** Lets people trade and hear what is theirs or everybody's: who could send to `/topic/…` would make prices. */
export const portfolioInterceptor: ChannelInterceptor = {
  preSend(message: Message): Message {
    const { messageType, destination = "", user } = message.headers;
    if (messageType !== "MESSAGE" && messageType !== "SUBSCRIBE") return message;

    if (!user) throw new AccessDeniedError("Log in first.");
    if (messageType === "MESSAGE" && destination !== "/app/trade") {
      throw new AccessDeniedError(`Nobody may send to ${destination}`);
    }
    if (messageType === "SUBSCRIBE" && !MAY_SUBSCRIBE.has(destination)) {
      throw new AccessDeniedError(`Nobody may subscribe to ${destination}`);
    }
    return message;
  },
};

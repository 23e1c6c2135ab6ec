import { type MessageSecurity, messageSecurity } from "express-stomp";

/**
 * Gives the rules of the portfolio: people who have logged in, trades and
 * nothing else to send, prices and what is their own to hear. Above all nobody
 * may send to `/topic/…`: who could, would make prices.
 */
export function portfolioSecurity(broker: "simple" | "relay"): MessageSecurity {
  return messageSecurity(
    (messages) =>
      messages
        .nullDestMatcher()
        .authenticated()
        .simpMessageDestMatchers("/app/trade")
        .authenticated()
        .simpSubscribeDestMatchers("/app/positions", "/app/trades", "/app/quotes", "/app/server")
        .authenticated()
        .simpSubscribeDestMatchers("/user/queue/position-updates", "/user/queue/errors")
        .authenticated()
        .simpSubscribeDestMatchers("/topic/price.stock.*")
        .authenticated()
        .anyMessage()
        .denyAll(),
    { broker },
  );
}

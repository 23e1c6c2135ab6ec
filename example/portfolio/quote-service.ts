import type { StompMessaging } from "express-stomp";
import type { QuoteRepository } from "./quote-repository.js";
import { nextPrice, STOCKS } from "./stocks.js";

export interface QuoteServiceOptions {
  readonly quotes: QuoteRepository;
  readonly messaging: Pick<StompMessaging, "template" | "isBrokerAvailable">;
  readonly intervalMs: number;
  /** @default Math.random */
  readonly random?: () => number;
}

/** Lets the prices wander, and tells them on `/topic/price.stock.{ticker}`. */
export class QuoteService {
  readonly #options: Required<QuoteServiceOptions>;

  constructor(options: QuoteServiceOptions) {
    this.#options = { random: Math.random, ...options };
  }

  /** Makes and tells the quotes that are due; of several servers one does. */
  async tellQuotes(): Promise<void> {
    const { quotes, messaging, intervalMs, random } = this.#options;
    const round = await quotes.makeRound({
      stocks: STOCKS.values(),
      intervalMs,
      next: (price, stock) => nextPrice(price, stock, random),
    });
    // A page that misses a quote while the broker is away hears the next one.
    if (!messaging.isBrokerAvailable()) return;
    for (const quote of round) {
      await messaging.template.convertAndSend(`/topic/price.stock.${quote.ticker}`, quote);
    }
  }
}

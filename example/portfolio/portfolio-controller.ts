import {
  Controller,
  MessageConversionError,
  MessageExceptionHandler,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  Principal,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { inject } from "inversify";
import { type PriceHistory, QuoteRepository } from "./quote-repository.js";
import { STOCKS } from "./stocks.js";
import { type Portfolio, type Trade, TradeRejectedError, type TradeRequest, tradeSchema } from "./trade.js";
import { TradeRepository } from "./trade-repository.js";
import { TradeService } from "./trade-service.js";

/** Answers what people ask about their portfolio, and takes their trades. */
@Controller()
export class PortfolioController {
  constructor(
    private readonly quotes: QuoteRepository,
    private readonly trades: TradeRepository,
    private readonly service: TradeService,
    @inject("serverName") private readonly serverName: string,
  ) {}

  @SubscribeMapping("/positions")
  positions(@Principal() user: Principal): Promise<Portfolio> {
    return this.trades.findPortfolio(user.name);
  }

  @SubscribeMapping("/trades")
  latestTrades(@Principal() user: Principal): Promise<Trade[]> {
    return this.trades.findLatest(user.name);
  }

  @SubscribeMapping("/quotes")
  priceHistory(): Promise<PriceHistory[]> {
    return this.quotes.findHistory(STOCKS.values());
  }

  /** Tells which of the servers has the session. */
  @SubscribeMapping("/server")
  server(): { name: string } {
    return { name: this.serverName };
  }

  @MessageMapping("/trade")
  trade(@Payload(tradeSchema) request: TradeRequest, @Principal() user: Principal): Promise<void> {
    return this.service.place(user.name, request);
  }

  @MessageExceptionHandler(TradeRejectedError)
  @SendToUser("/queue/errors", { broadcast: false })
  rejected({ code, message }: TradeRejectedError) {
    return { code, text: message };
  }

  @MessageExceptionHandler(MethodArgumentNotValidError, MessageConversionError)
  @SendToUser("/queue/errors", { broadcast: false })
  invalid({ publicMessage }: MethodArgumentNotValidError | MessageConversionError) {
    return { code: "invalid", text: publicMessage };
  }
}

import { SimpMessagingTemplate } from "express-stomp";
import { inject, injectable } from "inversify";
import type { TradeRequest } from "./trade.js";
import { TradeRepository, type TradeResult } from "./trade-repository.js";

/** Takes trades, executes them after a while, and tells their people what became of them. */
@injectable()
export class TradeService {
  constructor(
    private readonly trades: TradeRepository,
    private readonly template: SimpMessagingTemplate,
    @inject("tradeDelayMs") private readonly delayMs: number,
  ) {}

  /** @throws TradeRejectedError when the trade cannot be, as things are */
  async place(account: string, request: TradeRequest): Promise<void> {
    await this.trades.place(account, request, this.delayMs);
  }

  /** Executes what is due, on whichever server it was placed. */
  async executeDue(): Promise<void> {
    for (const id of await this.trades.findDue()) {
      const result = await this.trades.execute(id);
      if (result) await this.#tell(result);
    }
  }

  async #tell({ account, trade, portfolio }: TradeResult): Promise<void> {
    const news =
      trade.state === "executed"
        ? { destination: "/queue/position-updates", payload: { trade, portfolio } }
        : { destination: "/queue/errors", payload: { code: "rejected", text: trade.reason, trade } };
    await this.template.convertAndSendToUser(account, news.destination, news.payload);
  }
}

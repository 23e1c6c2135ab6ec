import { find } from "/public/elements.js";
import { stompClient } from "/public/stomp-client.js";
import { resuming } from "/vendor/express-stomp/client/index.js";
import { Market } from "./market.js";
import { News } from "./news.js";
import { fill, texts } from "./texts.js";
import { TradeDialog } from "./trade-dialog.js";

/** @import { PriceHistory, Quote } from "../quote-repository.js" */
/** @import { Portfolio, Trade, TradeRequest } from "../trade.js" */
/**
 * The bodies of what the page hears, by destination.
 *
 * @typedef {{
 *   "/topic/price.stock.*": Quote,
 *   "/app/quotes": PriceHistory[],
 *   "/app/server": { name: string },
 *   "/app/trades": Trade[],
 *   "/app/positions": Portfolio,
 *   "/user/queue/position-updates": { trade: Trade, portfolio: Portfolio },
 *   "/user/queue/errors": { code: keyof typeof texts.rejections, text: string, trade?: Trade },
 * }} Heard
 */

const connection = find("#connection", HTMLElement);
const news = new News(find("#news", HTMLElement));
const totals = {
  total: find("#total", HTMLElement),
  invested: find("#invested", HTMLElement),
  cash: find("#cash", HTMLElement),
  gain: find("#gain", HTMLElement),
};
const market = new Market(find("#stocks", HTMLElement), totals, (stock, action) =>
  dialog.open(stock, action),
);
const dialog = new TradeDialog(find("#dialog", HTMLDialogElement), {
  means: (ticker) => market.means(ticker),
  place,
});

/** Tells that the trades and positions of before are here. */
let hasTrades = false;
/**
 * The receipts of trades that the server has not confirmed yet. They are not sent again: behind the balancer another server would
 * place them twice.
 */
const unconfirmed = new Set();
let sent = 0;

const client = stompClient({
  endpoint: "/portfolio",
  csrf: "/portfolio/csrf",
  user: document.body.dataset.user ?? "",

  onConnect() {
    // First the news, then the state: nothing falls between the two, and what is older is passed over.
    hear("/topic/price.stock.*", (quote) => {
      market.quote(quote);
      dialog.refresh();
    });
    hear("/app/quotes", (histories) => market.load(histories));
    if (!hasTrades) loadTrades();
    hear("/app/server", ({ name }) => show("connected", name && ` · ${name}`));
  },

  onStompError: ({ headers }) => news.tell(headers.message ?? "", "bad"),

  onRefused(reason) {
    if (connection.dataset.state !== "notLetIn") news.tell(fill(texts.notLetInBecause, { reason }), "bad");
    show("notLetIn");
  },

  onWebSocketClose() {
    // The server's words stay until it lets the page in.
    if (connection.dataset.state !== "notLetIn") show("reconnecting");
    if (unconfirmed.size > 0) {
      news.tell(texts.notConfirmed, "bad");
    }
    unconfirmed.clear();
  },
});

/** Trades go on where the page stood; with a broker behind several servers they are loaded anew after a reconnect. */
const live = resuming(client);
goOnHearing("/user/queue/position-updates", ({ trade, portfolio }) => {
  market.hold(portfolio);
  news.tellTrade(trade);
});
goOnHearing("/user/queue/errors", ({ code, text, trade }) =>
  trade ? news.tellTrade(trade) : news.tell(texts.rejections[code] ?? text, "bad"),
);

function loadTrades() {
  hasTrades = false;
  hear("/app/trades", (trades) => news.recall(trades));
  hear("/app/positions", (portfolio) => {
    hasTrades = true;
    market.hold(portfolio);
  });
}

/**
 * @template {keyof Heard} D
 * @param {D} destination
 * @param {(body: Heard[D]) => void} take
 */
function goOnHearing(destination, take) {
  live.subscribe(destination, ({ body }) => take(JSON.parse(body)), { onReload: loadTrades });
}

/**
 * @template {keyof Heard} D
 * @param {D} destination
 * @param {(body: Heard[D]) => void} take
 */
function hear(destination, take) {
  client.subscribe(destination, ({ body }) => take(JSON.parse(body)));
}

/**
 * Sends a trade; tells whether there was a connection to do so.
 *
 * @param {TradeRequest} trade
 */
function place(trade) {
  if (!client.connected) return false;

  const receipt = `trade-${++sent}`;
  unconfirmed.add(receipt);
  client.watchForReceipt(receipt, () => unconfirmed.delete(receipt));
  news.tell(fill(trade.action === "Buy" ? texts.Buying : texts.Selling, trade));
  client.publish({ destination: "/app/trade", headers: { receipt }, body: JSON.stringify(trade) });
  return true;
}

/**
 * @param {"connected" | "reconnecting" | "notLetIn"} state
 * @param {string} [place]
 */
function show(state, place = "") {
  connection.dataset.state = state;
  connection.textContent = texts[state] + place;
}

client.activate();

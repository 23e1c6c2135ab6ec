import { closeAtSignal } from "../shared/close-at-signal.js";
import { createPortfolio } from "./app.js";

const { PORT = "8080", HOST, DATABASE_URL = "data/portfolio.db" } = process.env;
const { BROKER_URL, SERVER_NAME, TRUST_PROXY } = process.env;

const portfolio = await createPortfolio({
  databaseUrl: DATABASE_URL,
  brokerUrl: BROKER_URL,
  proxies: TRUST_PROXY,
  serverName: SERVER_NAME,
});
const port = await portfolio.listen(Number(PORT), HOST);
closeAtSignal(() => portfolio.close());
if (process.send) process.send(port);
else console.log(`The portfolio is open: http://localhost:${port}`);

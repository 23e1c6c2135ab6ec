import { createPortfolio } from "./app.js";

const { PORT = "8080", HOST, DATABASE_URL = "data/portfolio.db", BROKER_URL, SERVER_NAME } = process.env;

const portfolio = await createPortfolio({
  databaseUrl: DATABASE_URL,
  brokerUrl: BROKER_URL,
  serverName: SERVER_NAME,
});
const port = await portfolio.listen(Number(PORT), HOST);
if (process.send) process.send(port);
else console.log(`The portfolio is open: http://localhost:${port}`);

/** Closes once, however many signals come: a terminal sends them to all its processes. */
let closing: Promise<void> | undefined;
function close(): void {
  closing ??= portfolio.close().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
  // The line to the process that started this one would keep it.
  void closing.finally(() => process.connected && process.disconnect());
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, close);
process.once("disconnect", close);

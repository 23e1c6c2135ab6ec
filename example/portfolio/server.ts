import { createPortfolio } from "./app.js";

const { PORT = "8080", DATABASE_URL = "data/portfolio.db" } = process.env;

const portfolio = await createPortfolio({ databaseUrl: DATABASE_URL });
const port = await portfolio.listen(Number(PORT));
console.log(`The portfolio is open: http://localhost:${port}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    portfolio.close().catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
  });
}

import { createChat } from "./app.js";

const { PORT = "8080", DATABASE_URL = "data/chat.db" } = process.env;

const chat = await createChat({ databaseUrl: DATABASE_URL });
const port = await chat.listen(Number(PORT));
console.log(`The chat is open: http://localhost:${port}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    chat.close().catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
  });
}

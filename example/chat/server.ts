import { closeAtSignal } from "../shared/close-at-signal.js";
import { createChat } from "./app.js";

const { PORT = "8080", HOST, DATABASE_URL = "data/chat.db", TRUST_PROXY } = process.env;

const chat = await createChat({ databaseUrl: DATABASE_URL, proxies: TRUST_PROXY });
const port = await chat.listen(Number(PORT), HOST);
closeAtSignal(() => chat.close());
console.log(`The chat is open: http://localhost:${port}`);

// What happens when a client reads slower than I publish? How do I notice, and how do I bound the memory?
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  broker: simpleBroker({ destinationPrefixes: ["/topic"], retainLast: ["/topic/price/*"] }),
  transport: {
    // So much may wait for one client, who has so long to take it ...
    sendBufferSizeLimit: 256 * 1024,
    sendTimeLimit: 20_000,
    // ... then it loses the oldest prices and stays. By default its session ends, with code 4500.
    overflowStrategy: "drop-oldest",
  },
});

/** A client does not keep up: told once, until nothing waits for it any more. */
messaging.on("slowConsumer", ({ sessionId, user, limit, address }) => {
  console.log(`slow: ${user?.name ?? "a stranger"} at ${address}, session ${sessionId}, passed ${limit}`);
});

/**
 * Publishes a price. A caller that awaits this is slowed down by clients that lag a little, and never waits long for
 * one that has stopped: 250 ms, then its limits count.
 */
export async function publish(ticker: string, price: number): Promise<void> {
  const at = new Date().toISOString();
  await messaging.template.convertAndSend(`/topic/price/${ticker}`, { ticker, price, at });
}

const app = express();
app.get("/stats", (_req, res) => {
  const { connections, messagesDropped, limitsExceeded } = messaging.stats();
  res.json({ connections, messagesDropped, limitsExceeded });
});
app.post("/price/:ticker/:price", async (req, res) => {
  await publish(req.params.ticker, Number(req.params.price));
  res.sendStatus(202);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

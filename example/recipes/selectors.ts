// How can a client choose on the server which messages of a topic it gets, without a topic for each filter?
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

/**
 * A subscriber filters by a condition over the headers of messages, SQL-92 as in JMS. In the browser:
 * client.subscribe("/topic/trades", show, { selector: "market IN ('KOSPI', 'NYSE') AND price > 100" })
 * A selector that cannot be read is ERROR, never "everything"; nothing in it is evaluated as code.
 */
export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  broker: simpleBroker({ destinationPrefixes: ["/topic"], selectorHeaderName: "selector" }),
});

interface Trade {
  readonly ticker: string;
  readonly market: string;
  readonly price: number;
}

/** The fields to select by stand in headers: a selector does not look into payloads. */
export async function tell({ ticker, market, price }: Trade): Promise<void> {
  const headers = { market, price: String(price) };
  await messaging.template.convertAndSend("/topic/trades", { ticker, market, price }, headers);
}

const app = express();
app.post("/trades", express.json(), async (req, res) => {
  await tell(req.body);
  res.sendStatus(202);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

// How does a client get what was sent while its connection was away, or learn that it has to load everything anew?
import type { Client, IMessage } from "@stomp/stompjs";
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

export const messaging = stompMessaging({
  // Your login stands here: this one believes what the URL says, ws://localhost:8080/ws?user=rod.
  endpoints: [{ path: "/ws", user: ({ query }) => ({ name: String(query.user) }) }],
  broker: simpleBroker({
    destinationPrefixes: ["/topic"],
    history: [
      // As long as a tunnel or a deployment takes. Beyond, the page loads from the database.
      { destinations: ["/topic/room/*"], size: 100, ttl: 300_000 },
      // A message to a user waits, also when no session of the user is there.
      { destinations: ["/user/queue/letters"], size: 20, ttl: 86_400_000 },
    ],
  }),
});

/**
 * The client's side, for a browser too: shows what a destination gets over all reconnects, each message once.
 *
 * @param since where it begins: a position, `now`, or `first`
 * @param reload is called when more was missed than is kept
 */
export function follow(
  client: Client,
  destination: string,
  { show, reload, since }: { show(message: IMessage): void; reload(): void; since: string },
): void {
  let position = since;
  client.onConnect = () => {
    client.subscribe(destination, take, { since: position });
  };
  function take(message: IMessage): void {
    const { recovered, "message-id": id = "" } = message.headers;
    position = id;
    if (recovered === undefined) show(message);
    else if (recovered === "false") reload();
  }
}

const app = express();
/**
 * The page's first state, with the position before it was read: nothing is missed between the two. Here anybody may
 * read any room: `messaging.history` asks for no rights, so a route asks who may, as `security` does at SUBSCRIBE.
 */
app.get("/room/:id", async (req, res) => {
  const { position, messages } = await messaging.history(`/topic/room/${req.params.id}`);
  res.json({ position, newest: messages.map(({ payload }) => Buffer.from(payload).toString()) });
});
app.post("/room/:id", express.text(), async (req, res) => {
  await messaging.template.convertAndSend(`/topic/room/${req.params.id}`, req.body);
  res.sendStatus(202);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

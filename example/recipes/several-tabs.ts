// How do I send a message from a REST route to one user: in all tabs and devices, or in one tab only?
import express from "express";
import { Controller, MessageMapping, Payload, SendToUser, simpleBroker, stompMessaging } from "express-stomp";

@Controller()
class NotesController {
  /** The answer goes to all tabs of the user who sent: each subscribes to /user/queue/notes. */
  @MessageMapping("/notes")
  @SendToUser("/queue/notes")
  save(@Payload() text: string) {
    return { saved: text };
  }

  /** The answer goes to the one tab that sent. */
  @MessageMapping("/preview")
  @SendToUser("/queue/notes", { broadcast: false })
  preview(@Payload() text: string) {
    return { preview: text };
  }
}

export const messaging = stompMessaging({
  // Your login stands here: this one believes what the URL says, ws://localhost:8080/ws?user=rod.
  endpoints: [{ path: "/ws", user: ({ query }) => ({ name: String(query.user) }) }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [NotesController],
});

const app = express();
/** curl -X POST localhost:8080/notify/rod -d 'Your order is ready' -H 'Content-Type: text/plain' */
app.post("/notify/:name", express.text(), async (req, res) => {
  const user = messaging.userRegistry.getUser(req.params.name);
  if (user === undefined) {
    res.status(404).send(`${req.params.name} is not connected`);
    return;
  }
  await messaging.template.convertAndSendToUser(user.name, "/queue/notes", { notice: req.body });
  res.json({ tabs: user.sessions.size });
});

/** To one tab: its page knows the id from the header `session` of CONNECTED. */
app.post("/notify/:name/:sessionId", express.text(), async (req, res) => {
  const { name, sessionId } = req.params;
  await messaging.template.convertAndSendToUser(name, "/queue/notes", { notice: req.body }, { sessionId });
  res.sendStatus(202);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

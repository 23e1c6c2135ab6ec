// How do I show who is online, without ghosts, and without people flickering when they reload the page?
import express from "express";
import { Controller, SimpUserRegistry, SubscribeMapping, simpleBroker, stompMessaging } from "express-stomp";

const GRACE_MS = Number(process.env.GRACE_MS ?? 3_000);
const online = new Set<string>();

@Controller()
class PresenceController {
  constructor(private readonly registry: SimpUserRegistry) {}

  /** A subscriber of /app/online gets the list at once, and by /topic/online each change of it. */
  @SubscribeMapping("/online")
  now() {
    return [...new Set([...online, ...this.registry.getUsers().map(({ name }) => name)])].sort();
  }
}

export const messaging = stompMessaging({
  // Your login stands here: this one believes what the URL says, ws://localhost:8080/ws?user=rod.
  endpoints: [{ path: "/ws", user: ({ query }) => ({ name: String(query.user) }) }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [PresenceController],
});

// Events say when to look, and the registry says who is there: a user with three tabs counts once.
messaging.on("connected", ({ user }) => look(user?.name));
messaging.on("disconnect", ({ user }) => {
  // A page that is loaded again is back within the grace, and nobody hears of it.
  setTimeout(look, GRACE_MS, user?.name).unref();
});

function look(name?: string): void {
  if (name === undefined || !server.listening) return;
  const isThere = messaging.userRegistry.getUser(name) !== undefined;
  if (isThere === online.has(name)) return;

  if (isThere) online.add(name);
  else online.delete(name);
  void messaging.template.convertAndSend("/topic/online", [...online].sort());
}

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

// How do I show who is online, without ghosts, and without people flickering when they reload the page?
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

export const messaging = stompMessaging({
  // Your login stands here: this one believes what the URL says, ws://localhost:8080/ws?user=rod.
  endpoints: [{ path: "/ws", user: ({ query }) => ({ name: String(query.user) }) }],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  // A page that subscribes to /topic/online is seen, and one that subscribes to /topic/online/presence sees who is:
  // watchPresence(client, "/topic/online", ({ users }) => show([...users.keys()])) of express-stomp/client.
  // One that is loaded again is back within goneAfter, and nobody hears of it. The same goes for rooms: "/topic/room/*".
  presence: { destinations: ["/topic/online"], goneAfter: Number(process.env.GRACE_MS ?? 3_000) },
});

// For what is to be done on the server: of a user with three tabs the first one tells, and the last.
messaging.on("userOnline", ({ user }) => console.log(`${user.name} has come`));
messaging.on("userOffline", ({ user }) => console.log(`${user.name} has gone`));

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

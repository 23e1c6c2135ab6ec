// How do I control who may subscribe to which topic, so that a wildcard such as /topic/* cannot go around it?
import express from "express";
import { messageSecurity, type Principal, simpleBroker, stompMessaging } from "express-stomp";

interface Member extends Principal {
  readonly roles: readonly string[];
  readonly rooms: readonly string[];
}

const members = new Map<unknown, Member>([
  ["mina", { name: "mina", roles: ["STAFF"], rooms: ["7"] }],
  ["rod", { name: "rod", roles: [], rooms: ["8"] }],
]);

// The first rule that takes a message decides; a wildcard has to pass each rule that it could reach.
export const security = messageSecurity((messages) =>
  messages
    .nullDestMatcher()
    .authenticated()
    .simpSubscribeDestMatchers("/topic/staff/**")
    .hasRole("STAFF")
    .simpSubscribeDestMatchers("/topic/rooms/{room}")
    .access((user, _message, variables) => (user as Member).rooms.includes(variables.get("room") ?? ""))
    .simpSubscribeDestMatchers("/topic/**")
    .authenticated()
    // All else is denied: nobody may SEND to a topic, or subscribe elsewhere.
    .anyMessage()
    .denyAll(),
);

export const messaging = stompMessaging({
  // Your login stands here: this one believes what the URL says, ws://localhost:8080/ws?user=rod.
  endpoints: [{ path: "/ws", user: ({ query }) => members.get(query.user) }],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  security,
});
messaging.on("accessDenied", ({ user, message, rule }) => {
  console.log(`denied: ${user?.name ?? "a stranger"} at ${message.headers.destination}, by rule ${rule}`);
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

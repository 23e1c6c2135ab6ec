// How do I use express-session or passport with WebSocket, so that only people who are logged in can connect?
import express from "express";
import session from "express-session";
import {
  Controller,
  MessageMapping,
  Principal,
  SendToUser,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

declare module "express-session" {
  interface SessionData {
    visitor?: string;
  }
}

@Controller()
class WhoController {
  @MessageMapping("/who")
  @SendToUser("/queue/who", { broadcast: false })
  who(@Principal() user: Principal) {
    return user.name;
  }
}

export const messaging = stompMessaging({
  // With passport leave `user` out: by default it is `req.user`.
  endpoints: [{ path: "/ws", user: ({ session }) => ({ name: session.visitor! }) }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [WhoController],
});

const app = express();
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? "for the recipe only",
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: "lax", secure: "auto" },
  }),
);
app.post("/login/:name", (req, res, next) => {
  // Your password check stands here. A new session id at login: an old one may be known to somebody else.
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.visitor = req.params.name;
    res.sendStatus(204);
  });
});
// A WebSocket handshake is a GET that runs through this application: the middleware in front decides.
app.use("/ws", (req, res, next) => {
  if (req.session.visitor === undefined) res.status(401).send("Log in first");
  else next();
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

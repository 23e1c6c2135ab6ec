import "reflect-metadata";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import express, { type RequestHandler } from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { WebSocketServer } from "ws";
import { CERTIFICATE, KEY } from "./certificate.js";

// A server that specs cut the connections of, in a process without a handler for what nobody catches. Its first
// argument says how it is reached: `plain`, `secure`, or `shared` with another library's WebSockets.
process.once("disconnect", () => process.exit());

const kind = process.argv[2];
const reached: Record<string, number> = {};

/** Holds a request at the stage that its header `X-Hold` names, for some turns of the event loop. */
async function hold(stage: string, header: string | string[] | undefined): Promise<void> {
  if (header !== stage) return;

  reached[stage] = (reached[stage] ?? 0) + 1;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Answers at once what is not to be held: a request behind it is parsed while the answer is under way. */
const holdInMiddleware: RequestHandler = (request, response, next) => {
  if (request.headers["x-answer"] === "401") response.status(401).send("log in first");
  else if (request.headers["x-hold"] === undefined) next();
  else void hold("middleware", request.headers["x-hold"]).then(() => next());
};

@Controller()
class Echo {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() text: string) {
    return text;
  }
}

const app = express();
app.set("env", "test");
app.get("/reached", (_request, response) => void response.json(reached));
app.use(holdInMiddleware);
app.get("/ok", (_request, response) => void response.end("ok"));
app.get("/late", async (request, response) => {
  await hold("late", request.headers["x-hold"]);
  response.end("late");
});

const silent = () => {};
const messaging = stompMessaging({
  // What is refused is told, and is no failure.
  logger: { debug: silent, info: silent, warn: silent, error: console.error },
  endpoints: [
    {
      path: "/ws",
      sockJS: { clientLibraryUrl: "/sockjs.js", disconnectDelay: 50 },
      handshakeInterceptors: [
        {
          async beforeHandshake({ headers }) {
            await hold("interceptor", headers["x-hold"]);
            return headers["x-answer"] !== "403";
          },
        },
      ],
      user: async ({ headers }) => {
        await hold("user", headers["x-hold"]);
        return { name: "ann" };
      },
    },
  ],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [Echo],
});
app.use(messaging);

const serve = (listener: RequestListener) =>
  kind === "secure" ? createSecureServer({ key: KEY, cert: CERTIFICATE }, listener) : createServer(listener);
const server = serve(app);
messaging.attach(server);
if (kind === "shared") {
  const others = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/theirs")
      others.handleUpgrade(request, socket, head, (ws) => void ws.send("theirs"));
  });
}
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

// How do I use STOMP over WebSocket in React: a hook that survives StrictMode, renderings and reconnects?
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";

@Controller()
class ChatController {
  @MessageMapping("/say")
  @SendTo("/topic/chat")
  say(@Payload() { text }: { text: string }) {
    return { text };
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({
    destinationPrefixes: ["/topic"],
    history: { destinations: ["/topic/chat"], size: 100, ttl: 300_000 },
  }),
  controllers: [ChatController],
});

// The hook is in react-page.jsx. With Vite: `server: { proxy: { "/ws": { target, ws: true } } }`, and no esbuild here.
const page = join(import.meta.dirname, "../../../example/recipes/react-page.jsx");
const options = [
  "--bundle",
  "--format=esm",
  "--jsx=automatic",
  '--define:process.env.NODE_ENV="development"',
];
const script = execFileSync("npx", ["esbuild", page, ...options], { maxBuffer: 2 ** 24 });

const app = express();
app.get("/page.js", (_req, res) => res.type("js").send(script));
app.get("/", (_req, res) => {
  res.send(`<!doctype html>
    <html lang="en"><title>Chat</title><link rel="icon" href="data:,">
    <div id="root"></div><script type="module" src="/page.js"></script></html>`);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

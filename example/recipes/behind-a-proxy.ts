// Why is my WebSocket behind nginx closed after 60 seconds, or refused with 403? And where WebSocket is blocked?
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

/**
 * nginx:
 *   map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
 *   location / {
 *     proxy_pass http://127.0.0.1:8080;
 *     proxy_http_version 1.1;
 *     proxy_set_header Host $http_host;
 *     proxy_set_header Upgrade $http_upgrade;
 *     proxy_set_header Connection $connection_upgrade;
 *     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
 *     proxy_set_header X-Forwarded-Proto $scheme;
 *   }
 */
export const messaging = stompMessaging({
  endpoints: [
    {
      path: "/ws",
      // For networks that let no WebSocket pass: sockjs-client goes on by streaming or polling over HTTP.
      sockJS: { heartbeatTime: 25_000 },
      // Pages of other origins than the server's own are named here: ["https://chat.example"].
      allowedOrigins: [],
    },
  ],
  broker: simpleBroker({
    destinationPrefixes: ["/topic"],
    // Proxies close a line that says nothing for 30 to 60 s. A heart-beat each 10 s, both ways, keeps it open, and
    // shows either end that the other is gone; a WebSocket without them (heart-beat:0,0) is pinged every 25 s.
    heartbeatValue: [10_000, 10_000],
  }),
});

const app = express();
// The proxies that are believed when they say who asks (X-Forwarded-For), and by https. Without it a page at
// https://chat.example is another origin than this server, which hears http: 403 "Origin not allowed".
app.set("trust proxy", process.env.TRUST_PROXY ?? "loopback");
app.use(messaging);
messaging.on("handshakeRefused", ({ reason, status, message }) => {
  console.log(`refused with ${status}, ${reason}: ${message}`);
});
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

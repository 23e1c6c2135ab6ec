// How do I refresh a JWT on an open WebSocket, and close the connection when the token has expired or was revoked?
import { Client } from "@stomp/stompjs";
import express from "express";
import { bearerToken, simpleBroker, stompMessaging } from "express-stomp";
import { jwtVerify, SignJWT } from "jose";

const secret = new TextEncoder().encode(process.env.JWT_SECRET ?? "for the recipe only: 32 characters");
const lifetime = process.env.TOKEN_LIFETIME ?? "5m";

const tokens = bearerToken({
  async verify(token) {
    const { payload } = await jwtVerify(token, secret, { requiredClaims: ["sub", "exp"] });
    return { user: { name: payload.sub! }, exp: payload.exp, jti: payload.jti };
  },
  // The client is asked for its next token a minute before this one expires, and sends it here.
  renewal: { destination: "/app/token", ahead: 60_000 },
});

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  clientInboundChannel: { interceptors: [tokens] },
});

const app = express();
// Your login stands here: this one gives anybody a token.
app.post("/token/:name", async (req, res) => {
  const token = new SignJWT().setProtectedHeader({ alg: "HS256" }).setSubject(req.params.name);
  res.send(await token.setExpirationTime(lifetime).sign(secret));
});
app.post("/logout/:name", (req, res) => {
  tokens.revoke({ user: req.params.name }, "You have logged out");
  res.sendStatus(204);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/** The client: brings a fresh token at each connect, and whenever the server asks. */
export function tokenClient(brokerURL: string, freshToken: () => Promise<string>): Client {
  const authorization = async () => ({ Authorization: `Bearer ${await freshToken()}` });
  async function renew() {
    client.publish({ destination: "/app/token", headers: await authorization() });
  }
  const client = new Client({
    brokerURL,
    async beforeConnect() {
      client.connectHeaders = await authorization();
    },
    onConnect() {
      client.subscribe("/user/queue/token", () => void renew());
    },
  });
  return client;
}

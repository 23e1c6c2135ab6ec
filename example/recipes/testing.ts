// How do I test a STOMP controller: by a real client, without sleeps, side by side with supertest?
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Client, type IMessage } from "@stomp/stompjs";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import request from "supertest";
import WebSocket from "ws";

@Controller()
class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greet(@Payload() { name }: { name: string }) {
    return { content: `Hello, ${name}!` };
  }
}

const app = express();
const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [GreetingController],
});
app.post("/greetings/:text", async (req, res) => {
  await messaging.template.convertAndSend("/topic/greetings", { content: req.params.text });
  res.sendStatus(202);
});
app.use(messaging);
const server = app.listen(0); // any free port: tests may run side by side
messaging.attach(server);

const client = new Client({
  webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`),
});
/** Resolves when the server confirms: from then on a subscription hears everything. No sleep is needed. */
const receipt = (id: string) => new Promise<void>((resolve) => client.watchForReceipt(id, () => resolve()));
const greetings: ((message: IMessage) => void)[] = [];
const nextGreeting = () => new Promise<IMessage>((resolve) => greetings.push(resolve));

before(async () => {
  await once(server, "listening");
  await new Promise<void>((resolve) => Object.assign(client, { onConnect: resolve }).activate());
  client.subscribe("/topic/greetings", (m) => greetings.shift()?.(m), { receipt: "subscribed" });
  await receipt("subscribed");
});
after(() => Promise.all([client.deactivate(), messaging.close(), server.close()]));

void test("a controller answers to the topic", async () => {
  client.publish({ destination: "/app/hello", body: JSON.stringify({ name: "Rod" }) });
  assert.equal((await nextGreeting()).body, '{"content":"Hello, Rod!"}');
});
void test("a route reaches subscribers", async () => {
  await Promise.all([nextGreeting(), request(server).post("/greetings/hi").expect(202)]);
});

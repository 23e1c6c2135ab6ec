// How do I test a STOMP controller: by a real client, without a port and without sleeps, side by side with supertest?
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { callController, type TestClient, type TestMessaging, testMessaging } from "express-stomp/testing";
import request from "supertest";

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

let stomp: TestMessaging;
let rod: TestClient;

before(async () => {
  stomp = await testMessaging(app, messaging);
  rod = await stomp.connect({ user: "rod" });
});
after(() => stomp.close());

void test("a controller answers to the topic", async () => {
  const greetings = await rod.subscribe("/topic/greetings"); // deliveries arrive from here on
  await rod.send("/app/hello", { name: "Rod" }); // it was handled
  assert.deepEqual(await greetings.next(), { content: "Hello, Rod!" });
});
void test("a route reaches subscribers", async () => {
  const greetings = await rod.subscribe("/topic/greetings");
  await request(app).post("/greetings/hi").expect(202);
  assert.deepEqual(await greetings.bodies(), [{ content: "hi" }]);
});
void test("a method by itself", async () => {
  const { result } = await callController(GreetingController, "/app/hello", { name: "Rod" });
  assert.deepEqual(result, { content: "Hello, Rod!" });
});

import "reflect-metadata";
import assert from "node:assert/strict";
import { Controller, MessageMapping, Payload, SendTo } from "express-stomp";
import { type TestMessaging, testMessaging } from "express-stomp/testing";

/** CPU that a thousand tests with `express-stomp/testing` may take, in ms. */
const LIMIT = 5_000;
const TESTS = 1_000;
const WARM_UP = 50;

@Controller()
class Greetings {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greet(@Payload() { name }: { name: string }) {
    return { content: `Hello, ${name}!` };
  }
}

const open = () => testMessaging({ controllers: [Greetings] });

/** As a test is: two clients connect, one subscribes, the other's message is handled, and what came of it is looked at. */
async function test(stomp: TestMessaging): Promise<void> {
  const [mina, rod] = [await stomp.connect({ user: "mina" }), await stomp.connect({ user: "rod" })];
  const greetings = await rod.subscribe("/topic/greetings");
  await mina.send("/app/hello", { name: "Mina" });
  assert.deepEqual(await greetings.next(), { content: "Hello, Mina!" });
  await Promise.all([mina.disconnect(), rod.disconnect()]);
}

async function withAnApplicationEach(tests: number): Promise<void> {
  for (let i = 0; i < tests; i++) {
    const stomp = await open();
    await test(stomp);
    await stomp.close();
  }
}

async function withOneApplication(tests: number): Promise<void> {
  const stomp = await open();
  for (let i = 0; i < tests; i++) await test(stomp);
  await stomp.close();
}

async function measure(name: string, run: (tests: number) => Promise<void>): Promise<void> {
  await run(WARM_UP);
  const began = process.cpuUsage();
  await run(TESTS);
  const { user, system } = process.cpuUsage(began);
  const ms = Math.round((user + system) / 1000);
  console.log(`${TESTS} tests, ${name}: ${ms} ms of CPU, of ${LIMIT} at most`);
  if (ms > LIMIT) process.exitCode = 1;
}

await measure("each with an application of its own", withAnApplicationEach);
await measure("with one application", withOneApplication);

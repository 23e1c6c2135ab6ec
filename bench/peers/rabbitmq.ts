// RabbitMQ with Web-STOMP, a node of its own on the loopback interface, started as the examples start theirs.
import { findRabbitMq } from "../../example/shared/programs.js";
import { startRabbitMq } from "../../example/shared/rabbitmq.js";
import type { Started } from "../peers.js";

export function missing(): string | undefined {
  return findRabbitMq() === undefined ? "RabbitMQ is not installed" : undefined;
}

/** Where it takes STOMP over WebSockets. */
export async function rabbitMq(): Promise<Started> {
  const { webStompPort, group, stop } = await rabbitMqWithStomp();
  return { port: webStompPort, group, stop };
}

/** The same, with where it takes STOMP over TCP. */
export async function rabbitMqWithStomp() {
  const { broker, webStompPort } = await startRabbitMq(findRabbitMq() as string, { webStomp: true });
  return {
    port: broker.port,
    webStompPort: webStompPort as number,
    group: broker.pid,
    stop: () => broker.stop(),
  };
}

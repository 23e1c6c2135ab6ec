// How do I give each job to exactly one worker, again if that worker crashes, and set bad jobs aside?
import type { Client, IMessage } from "@stomp/stompjs";
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  broker: simpleBroker({
    destinationPrefixes: ["/topic"],
    queuePrefixes: ["/queue/jobs"],
    // A job that has failed three times goes here, with its headers and `original-destination`.
    deliveryAttempts: 3,
    deadLetterDestination: "/topic/failed-jobs",
    // Jobs wait in memory while no worker takes them. When they fill the queue a new one is refused.
    overflowStrategy: "reject",
  }),
});

const app = express();
app.post("/jobs", express.text(), async (req, res) => {
  await messaging.template.convertAndSend("/queue/jobs", req.body);
  res.sendStatus(202);
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/**
 * A worker, in any process that has a connected client: takes one job at a time. A job that is not acknowledged when
 * its connection ends goes to another worker, with the header `redelivered:true`: each job is done at least once.
 */
export function work(client: Client, job: (text: string) => Promise<void>): void {
  async function take(message: IMessage) {
    try {
      await job(message.body);
      message.ack();
    } catch {
      message.nack();
    }
  }
  const headers = { ack: "client-individual", "prefetch-count": "1" };
  client.subscribe("/queue/jobs", (message) => void take(message), headers);
}

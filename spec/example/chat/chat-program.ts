import { setImmediate as nextTurn } from "node:timers/promises";
import type { Message } from "express-stomp";
import { createChat } from "../../../example/chat/app.js";

// The program that `ChatProcess` runs: a chat that is killed when its parent says so, in the midst of a message. It
// ends with its parent, however that ends.
process.once("disconnect", () => process.exit());

const [, , databaseUrl = "", port = "0"] = process.argv;
const chat = await createChat({ databaseUrl });
let doom: unknown;
process.on("message", (moment) => {
  doom = moment;
  if (moment === "without Mina") chat.messaging.disconnect({ user: "Mina" });
  process.send?.("heard");
});

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

const isSaid = ({ headers: { destination } }: Message) =>
  destination === "/pub/chat/message" || destination === "/pub/chat/private";
const isTold = ({ headers: { destination = "" } }: Message) =>
  /^\/sub\/chat\/room\/[^/]+$|\/queue\/private$/.test(destination);

chat.messaging.brokerChannel.addInterceptor({
  preSend(message) {
    if (doom === "before it is told" && isTold(message)) die();
    return message;
  },
});
chat.messaging.clientInboundChannel.addInterceptor({
  async postSend(message) {
    if (doom !== "before its receipt" || !isSaid(message)) return;
    // What was sent in this turn is written at its end.
    await nextTurn();
    await nextTurn();
    die();
  },
});

process.send?.(await chat.listen(Number(port), "127.0.0.1"));

import { once } from "node:events";
import { connect } from "node:net";
import { Controller, MessageMapping, Payload, simpleBroker } from "express-stomp";
import { reset } from "#lib/testing/reset.js";
import { type Conversation, httpConversation, webSocketConversation } from "./conversations.js";
import { Dice } from "./dice.js";
import { startServer, type TestServer } from "./server.js";
import { StompSession } from "./stomp-session.js";

export interface LiveFuzzOptions {
  /** How many messages and requests are sent, at least. */
  readonly inputs: number;
  readonly seed: number;
  /** After so much time no conversation begins. @default without end */
  readonly seconds?: number;
}

export interface LiveFuzzResult {
  readonly inputs: number;
  readonly conversations: number;
  /** Bytes that the server answered. */
  readonly answered: number;
  readonly faults: readonly string[];
}

/** So many conversations are held at once; after them somebody who does nothing wrong looks how the server is. */
const AT_ONCE = 25;

/** What no answer may hold: where the server's program stands. */
const INTERNALS = /\bat .{0,200}\.[jt]s:\d+|node:internal|node_modules/;

/** Takes whatever comes, and answers it. */
@Controller()
class Echo {
  @MessageMapping("/echo")
  echo(@Payload() text: string) {
    return text;
  }
}

/**
 * Holds conversations with a live server, by WebSocket and SockJS over HTTP:
 * right ones, and right ones in which bytes are flipped, cut, put in, repeated
 * and pipelined. The server has to live, to serve a client that does nothing
 * wrong, to tell nothing of its insides, to log no error, and to hold nothing
 * in the end.
 */
export async function fuzzLive({
  inputs,
  seed,
  seconds = Number.POSITIVE_INFINITY,
}: LiveFuzzOptions): Promise<LiveFuzzResult> {
  const dice = new Dice(seed);
  const deadline = performance.now() + seconds * 1000;
  const faults: string[] = [];
  const uncaught = (error: unknown) =>
    void faults.push(`uncaught: ${(error as Error)?.stack ?? String(error)}`);
  process.on("uncaughtException", uncaught);
  const server = await start();
  const witness = await StompSession.connect(server.port);
  witness.send("SUBSCRIBE", { id: "w", destination: "/topic/witness" });
  let sent = 0;
  let conversations = 0;
  let answered = 0;
  try {
    for (let round = 0; sent < inputs && faults.length === 0 && performance.now() < deadline; round++) {
      const held = Array.from({ length: AT_ONCE }, () => {
        return dice.roll(3) === 0 ? httpConversation(dice) : webSocketConversation(dice);
      });
      const heard = await Promise.all(
        held.map((conversation, i) => hold(server.port, conversation, conversations + i)),
      );
      for (const text of heard) {
        answered += text.length;
        const inside = INTERNALS.exec(text);
        if (inside) faults.push(`an answer of round ${round} has ${inside[0]}`);
      }
      sent += held.reduce((sum, conversation) => sum + conversation.inputs, 0);
      conversations += held.length;
      witness.send("SEND", { destination: "/topic/witness" }, `${round}`);
      const bodies = await witness.bodies();
      if (bodies.at(-1) !== `${round}`)
        faults.push(`after round ${round} the witness heard ${bodies.join()}`);
    }
    await settled(server);
    const { connections } = server.messaging.stats();
    if (connections > 1) faults.push(`${connections - 1} connections are left`);
  } catch (error) {
    faults.push(`the witness lost its session: ${(error as Error).message}`);
  } finally {
    witness.cut();
    await server.close();
    process.off("uncaughtException", uncaught);
  }
  for (const line of server.log) if (line.startsWith("error")) faults.push(`logged: ${line}`);
  return { inputs: sent, conversations, answered, faults };
}

function start(): Promise<TestServer> {
  return startServer({
    endpoints: [{ path: "/ws", sockJS: { disconnectDelay: 200 } }],
    controllers: [Echo],
    transport: { perMessageDeflate: true },
    broker: simpleBroker({
      destinationPrefixes: ["/topic"],
      queuePrefixes: ["/queue"],
      retainLast: ["/topic/kept"],
      retainedLimit: 10,
      history: { destinations: ["/topic/a", "/topic/room/*"], size: 20, ttl: 1_000 },
      selectorHeaderName: "selector",
    }),
  });
}

/** Writes all of a conversation, leaves as it says, and gives what was answered by then. */
async function hold(port: number, { segments, end }: Conversation, number: number): Promise<string> {
  // So many lines in a row would use up the ports of one address.
  const localAddress = process.platform === "linux" ? `127.0.0.${2 + (number % 200)}` : "127.0.0.1";
  const line = connect({ port, host: "127.0.0.1", localAddress });
  let heard = "";
  line.on("error", () => {});
  line.on("data", (data) => {
    if (heard.length < 20_000) heard += data.toString("latin1");
  });
  const closed = new Promise((resolve) => line.once("close", resolve));
  await Promise.race([once(line, "connect"), closed]);
  for (const segment of segments) {
    if (!line.writable) break;
    line.write(segment);
    await new Promise(setImmediate);
  }
  if (end === "reset") reset(line);
  else line.end();
  // A response that streams goes on though we have said that no more comes.
  for (let turns = 0; turns < 50 && !line.closed; turns++) await new Promise(setImmediate);
  line.destroy();
  await closed;
  return heard;
}

/** Waits for SockJS sessions to which nobody comes back. */
async function settled({ messaging }: TestServer): Promise<void> {
  for (let i = 0; i < 600 && messaging.stats().connections > 1; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

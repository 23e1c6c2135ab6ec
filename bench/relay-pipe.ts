// What one would write by hand in place of the relay: for each WebSocket a TCP connection to the broker, and bytes
// passed on, frame by frame since a WebSocket has messages. In a process of its own: says its port.
import { createServer } from "node:http";
import { connect } from "node:net";
import { WebSocketServer } from "ws";
import { listen, MAX_PAYLOAD } from "./peers/listen.js";

const NUL = 0;
const EOL = 10;

process.once("disconnect", () => process.exit());

const brokerPort = Number(process.argv[2]);
const server = createServer();
const webSockets = new WebSocketServer({
  server,
  path: "/ws",
  perMessageDeflate: false,
  maxPayload: MAX_PAYLOAD,
});
webSockets.on("connection", (ws) => {
  const line = connect(brokerPort, "127.0.0.1").setNoDelay(true);
  let rest: Buffer | undefined;
  ws.on("message", (data: Buffer) => line.write(data));
  ws.on("close", () => line.destroy());
  line.on("error", () => ws.terminate());
  line.on("close", () => ws.close());
  line.on("data", (chunk: Buffer) => {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      while (bytes[start] === EOL) start++;
      ws.send(bytes.subarray(start, end + 1), { binary: false });
      start = end + 1;
    }
    rest = start < bytes.length ? bytes.subarray(start) : undefined;
  });
});
const { port } = await listen(server);
process.send?.(port);

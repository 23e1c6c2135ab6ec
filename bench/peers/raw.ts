// What one would write by hand: `ws`, a Map of subscribers, and hardly any STOMP.
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

type Send = (subscribers: ReadonlySet<WebSocket>, frame: string) => void;

function rawServer(send: Send): Server {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, path: "/ws", perMessageDeflate: false });
  const topics = new Map<string, Set<WebSocket>>();
  let published = 0;

  webSockets.on("connection", (ws) => {
    ws.on("message", (data: Buffer) => {
      const frame = data.toString();
      const destination = frame.slice(frame.indexOf("destination:") + 12).split("\n", 1)[0] as string;
      if (frame.startsWith("SEND")) {
        const body = frame.slice(frame.indexOf("\n\n") + 2, -1);
        const message =
          `MESSAGE\ndestination:${destination}\ncontent-type:text/plain\nsubscription:sub-0\n` +
          `message-id:${++published}\ncontent-length:${body.length}\n\n${body}\0`;
        send(topics.get(destination) ?? new Set(), message);
      } else if (frame.startsWith("SUBSCRIBE")) {
        const subscribers = topics.get(destination) ?? new Set();
        topics.set(destination, subscribers.add(ws));
        ws.send("RECEIPT\nreceipt-id:r\n\n\0");
      } else if (frame.startsWith("CONNECT")) {
        ws.send("CONNECTED\nversion:1.2\n\n\0");
      }
    });
  });
  return server;
}

/** `ws.send` to each. */
export function wsLoop(): Server {
  return rawServer((subscribers, frame) => {
    for (const ws of subscribers) if (ws.readyState === WebSocket.OPEN) ws.send(frame);
  });
}

/** One WebSocket frame, written to each past `ws`. */
export function wsPreframed(): Server {
  return rawServer((subscribers, frame) => {
    const payload = Buffer.from(frame);
    const head = Buffer.alloc(payload.length > 125 ? 4 : 2);
    head[0] = 0x81;
    head[1] = Math.min(payload.length, 126);
    if (payload.length > 125) head.writeUInt16BE(payload.length, 2);
    const framed = Buffer.concat([head, payload]);
    for (const ws of subscribers) (ws as unknown as { _socket: Socket })._socket.write(framed);
  });
}

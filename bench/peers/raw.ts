// What one would write by hand: `ws`, a Map of subscribers, and hardly any STOMP.
import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import express from "express";
import { WebSocket, WebSocketServer } from "ws";
import type { Started } from "../peers.js";
import type { Greeted } from "./express-stomp.js";
import { createServer, DEFLATE, listen, MAX_PAYLOAD, type Wire } from "./listen.js";

type Send = (subscribers: ReadonlySet<WebSocket>, frame: string) => void;

/** What becomes of a SEND: where it goes, and as what. */
interface Answer {
  readonly destination: string;
  readonly contentType: string;
  readonly body: string;
}

const passOn = (destination: string, body: string): Answer => {
  return { destination, contentType: "text/plain", body };
};

interface RawServerOptions extends Wire {
  readonly send?: Send;
  readonly answer?: typeof passOn;
  /** Lets handshakes come through an Express application, as express-stomp does. */
  readonly throughExpress?: boolean;
}

function rawServer({
  send = sendToEach,
  answer = passOn,
  throughExpress,
  ...wire
}: RawServerOptions): Promise<Started> {
  const server = createServer(wire);
  const options = { perMessageDeflate: wire.isCompressed && DEFLATE, maxPayload: MAX_PAYLOAD };
  const webSockets = throughExpress
    ? behindExpress(server, new WebSocketServer({ ...options, noServer: true }))
    : new WebSocketServer({ ...options, server, path: "/ws" });
  const topics = new Map<string, Set<WebSocket>>();
  let published = 0;

  webSockets.on("connection", (ws) => {
    ws.on("message", (data: Buffer) => {
      const frame = data.toString();
      const destination = frame.slice(frame.indexOf("destination:") + 12).split("\n", 1)[0] as string;
      if (frame.startsWith("SEND")) {
        const to = answer(destination, frame.slice(frame.indexOf("\n\n") + 2, -1));
        const message =
          `MESSAGE\ndestination:${to.destination}\ncontent-type:${to.contentType}\nsubscription:sub-0\n` +
          `message-id:${++published}\ncontent-length:${to.body.length}\n\n${to.body}\0`;
        send(topics.get(to.destination) ?? new Set(), message);
      } else if (frame.startsWith("SUBSCRIBE")) {
        const subscribers = topics.get(destination) ?? new Set();
        topics.set(destination, subscribers.add(ws));
        ws.send("RECEIPT\nreceipt-id:r\n\n\0");
      } else if (frame.startsWith("CONNECT")) {
        ws.send("CONNECTED\nversion:1.2\n\n\0");
      }
    });
  });
  return listen(server);
}

/** As one would do it by hand, for sessions and the like: each handshake is a request to the application. */
function behindExpress(server: Server, webSockets: WebSocketServer): WebSocketServer {
  const app = express();
  const heads = new WeakMap<IncomingMessage, Buffer>();
  app.get("/ws", (req, res) => {
    res.detachSocket(req.socket);
    webSockets.handleUpgrade(req, req.socket, heads.get(req) as Buffer, (ws) =>
      webSockets.emit("connection", ws, req),
    );
  });
  server.on("request", app);
  server.on("upgrade", (req, socket, head) => {
    const res = new ServerResponse(req);
    heads.set(req, head);
    res.assignSocket(socket as Socket);
    app(req, res);
  });
  return webSockets;
}

const sendToEach: Send = (subscribers, frame) => {
  for (const ws of subscribers) if (ws.readyState === WebSocket.OPEN) ws.send(frame);
};

/** `ws.send` to each. */
export function wsLoop(wire: Wire = {}): Promise<Started> {
  return rawServer(wire);
}

/** The same, behind Express. */
export function wsExpress(): Promise<Started> {
  return rawServer({ throughExpress: true });
}

/** The answer of express-stomp's controller. */
export function wsByHand(): Promise<Started> {
  const answer = (destination: string, body: string): Answer => {
    if (destination !== "/app/p0/news") return passOn(destination, body);

    const { name, number } = JSON.parse(body) as Greeted;
    return {
      destination: "/topic/p0/news",
      contentType: "application/json",
      body: JSON.stringify({ content: `Hello, ${name}!`, number }),
    };
  };
  return rawServer({ answer });
}

/** One WebSocket frame, written to each past `ws`. */
export function wsPreframed(): Promise<Started> {
  const send: Send = (subscribers, frame) => {
    const payload = Buffer.from(frame);
    const head = Buffer.alloc(payload.length > 125 ? 4 : 2);
    head[0] = 0x81;
    head[1] = Math.min(payload.length, 126);
    if (payload.length > 125) head.writeUInt16BE(payload.length, 2);
    const framed = Buffer.concat([head, payload]);
    for (const ws of subscribers) (ws as unknown as { _socket: Socket })._socket.write(framed);
  };
  return rawServer({ send });
}

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import express from "express";
import { type StompMessaging, stompMessaging } from "express-stomp";
import { Server as SocketIoServer } from "socket.io";
import { io, type Socket } from "socket.io-client";
import WebSocket, { WebSocketServer } from "ws";
import { RawClient } from "../support/raw-client.js";
import { recordingLogger } from "../support/recording.js";
import { converse, handshakeText } from "../support/socket-host.js";

/** Listens as Vite's server does for its hot reloading: to handshakes of one sub-protocol. */
function listenAsVite(server: Server): void {
  const vite = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket: Duplex, head) => {
    if (req.headers["sec-websocket-protocol"] !== "vite-hmr") return;
    vite.handleUpgrade(req, socket, head, (ws) => ws.send('{"type":"connected"}'));
  });
}

describe("Neighbours on the same server", () => {
  let server: Server;
  let socketIo: SocketIoServer;
  let messagings: StompMessaging[];
  let port: number;
  const theirs: Socket[] = [];

  function listenToOthers(): void {
    socketIo = new SocketIoServer(server);
    socketIo.on("connection", (socket) => {
      socket.on("echo", (text: string) => socket.emit("echoed", text));
    });
    listenAsVite(server);
  }

  async function start(order: "before" | "behind", paths: readonly string[] = ["/ws"]): Promise<void> {
    const app = express();
    server = createServer(app);
    if (order === "before") listenToOthers();
    messagings = paths.map((path) =>
      stompMessaging({ endpoints: [{ path, sockJS: true }], logger: recordingLogger() }),
    );
    for (const messaging of messagings) {
      app.use(messaging);
      messaging.attach(server);
    }
    if (order === "behind") listenToOthers();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }

  afterEach(async () => {
    for (const socket of theirs.splice(0)) socket.close();
    for (const messaging of messagings) await messaging.close();
    await socketIo.close();
    server.closeAllConnections();
  });

  async function echoOfSocketIo(transports: string[], text: string): Promise<unknown> {
    const socket = io(`http://127.0.0.1:${port}`, { transports, reconnection: false, forceNew: true });
    theirs.push(socket);
    const upgraded = new Promise<void>((resolve) => {
      if (transports.length === 1) resolve();
      else socket.io.engine.once("upgrade", () => resolve());
    });
    await new Promise<void>((resolve, reject) => {
      socket.on("connect", resolve);
      socket.on("connect_error", reject);
    });
    await upgraded;
    const echoed = new Promise((resolve) => socket.on("echoed", resolve));
    socket.emit("echo", text);
    return echoed;
  }

  async function echoOfOurs(path: string, text: string): Promise<string> {
    const client = await RawClient.connect(port, "", path);
    client.send(`SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\n${text}^@`);
    const frame = await client.frame();
    client.cut();
    return frame;
  }

  for (const order of ["before", "behind"] as const) {
    describe(`that listen ${order} us`, () => {
      for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
        it(`are served: socket.io by ${transports.join(", then ")}`, async () => {
          await start(order);

          expect(await echoOfSocketIo(transports, "theirs")).to.equal("theirs");
          expect(await echoOfOurs("/ws", "ours")).to.match(/\n\nours\^@$/);
          expect(await echoOfSocketIo(transports, "again")).to.equal("again");
        });
      }

      it("are served: Vite's hot reloading", async () => {
        await start(order);

        const hot = new WebSocket(`ws://127.0.0.1:${port}/`, "vite-hmr");
        const [greeting] = (await once(hot, "message")) as [Buffer];
        hot.terminate();

        expect(greeting.toString()).to.equal('{"type":"connected"}');
        expect(await echoOfOurs("/ws", "ours")).to.match(/\n\nours\^@$/);
      });

      it("leave us our answers and sessions, though they cut handshakes nobody has answered", async () => {
        await start(order);
        const client = await RawClient.connect(port);

        // We wait 750 ms for others, socket.io a second: the two together are longer than it does.
        for (const path of ["/nobodys", "/nobodys/either"]) {
          expect(await converse(port, handshakeText(path))).to.match(/^HTTP\/1\.1 404 /);
        }

        expect(await client.synchronize()).to.deep.equal([]);
        client.cut();
      });

      it("leave each of two brokers its own endpoint", async () => {
        await start(order, ["/one", "/two"]);

        const other = await RawClient.connect(port, "", "/two");
        other.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
        await other.synchronize();

        expect(await echoOfOurs("/one", "one")).to.match(/\n\none\^@$/);
        expect(await other.synchronize()).to.deep.equal([]);
        expect(await echoOfSocketIo(["websocket"], "theirs")).to.equal("theirs");
        other.cut();
      });
    });
  }
});

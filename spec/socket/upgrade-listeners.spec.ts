import { EventEmitter, once } from "node:events";
import type { Server } from "node:http";
import type { Socket as TcpSocket } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { WebSocketServer } from "ws";
import { converse, handshakeText, openWebSocket, SocketHost } from "../support/socket-host.js";

for (const order of ["before", "after"] as const) {
  describe(`attach, when another upgrade listener was there ${order} us`, () => {
    let host: SocketHost;

    const other = new WebSocketServer({ noServer: true });
    const listenToo = (server: Server) => {
      server.on("upgrade", (req, socket, head) => {
        if (req.url === "/other") {
          other.handleUpgrade(req, socket, head, (ws) =>
            ws.on("message", (data) => ws.send(`other ${data}`)),
          );
        } else if (req.url === "/late") {
          setTimeout(() => other.handleUpgrade(req, socket, head, (ws) => ws.send("late")), 20);
        }
      });
    };
    let port: number;
    let runs: number;

    beforeEach(async () => {
      host = new SocketHost();
      runs = 0;
      host.app.use("/other", (_req, _res, next) => {
        runs++;
        next();
      });
      host.app.use("/private", (_req, res) => void res.status(401).send("log in"));
      host.endpoint();
      if (order === "before") listenToo(host.server);
      port = await host.listen();
      if (order === "after") listenToo(host.server);
    });

    afterEach(() => host.close());

    it("leaves it its handshakes, also those it takes later", async () => {
      const client = await openWebSocket(port, "/other");
      client.ws.send("hi");
      expect(await client.next()).to.equal("other hi");
      expect(runs).to.equal(order === "before" ? 0 : 1);
      client.ws.terminate();
      expect(await (await openWebSocket(port, "/late")).next()).to.equal("late");
    });

    it("serves its own handshakes", async () => {
      const client = await openWebSocket(port, "/ws");
      client.ws.send("hi");
      expect(await client.next()).to.equal("hi");
      client.ws.terminate();
    });

    it("answers what its own endpoint refuses before what nobody takes, though that came first", async () => {
      const nobodys = converse(port, handshakeText("/private"));
      const refused = converse(port, handshakeText("/ws", { Origin: "https://evil.com" }));

      expect(await Promise.race([nobodys, refused])).to.match(/^HTTP\/1\.1 403 /);
      await nobodys;
    });

    it("sends what the application answers after it is detached", async () => {
      const gate = new EventEmitter();
      host.app.use("/slow", async (_req, res) => {
        gate.emit("reached");
        await once(gate, "go");
        res.status(401).send("log in");
      });
      const reached = once(gate, "reached");
      const answer = converse(port, handshakeText("/slow"));
      await reached;
      host.detach();
      gate.emit("go");

      expect(await answer).to.match(/^HTTP\/1\.1 401 [\s\S]*log in$/);
    });

    it("answers what nobody takes before a listener as socket.io's hangs up on it", async () => {
      host.server.on("upgrade", (_req, socket: Duplex) => {
        setTimeout(() => {
          if ((socket as TcpSocket).bytesWritten === 0) socket.destroy();
        }, 1_000);
      });
      expect(await converse(port, handshakeText("/private"))).to.match(/^HTTP\/1\.1 401 [\s\S]*log in$/);
    });
  });
}

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express from "express";
import WebSocket from "ws";
import { Balancer } from "../../../example/portfolio/balancer.js";
import { RawClient } from "../../support/raw-client.js";
import { startServer, type TestServer } from "../../support/server.js";

describe("Balancer", () => {
  let balancer: Balancer;
  let origin: string;
  let servers: Server[];

  beforeEach(async () => {
    balancer = new Balancer();
    servers = [];
    origin = `http://127.0.0.1:${await opened(balancer.server)}`;
  });

  afterEach(() => {
    for (const server of [balancer.server, ...servers]) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function opened(server: Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** A server that tells its name, and what it was sent. */
  async function add(name: string): Promise<number> {
    const app = express().use(express.text(), (req, res) => {
      const { host, connection } = req.headers;
      res
        .append("Set-Cookie", ["a=1", "b=2"])
        .json({ name, host, connection, url: req.url, body: req.body, ips: req.ips });
    });
    app.set("trust proxy", true);
    const server = createServer(app);
    servers.push(server);
    const port = await opened(server);
    balancer.add(port);
    return port;
  }

  const ask = async (path: string) => (await fetch(`${origin}${path}`)).json() as Promise<{ name: string }>;

  async function namesOf(paths: readonly string[]): Promise<string[]> {
    const names: string[] = [];
    for (const path of paths) names.push((await ask(path)).name);
    return names;
  }

  it("gives the servers their turns", async () => {
    for (const name of ["one", "two", "three"]) await add(name);

    expect(await namesOf(["/", "/", "/", "/"])).to.deep.equal(["one", "two", "three", "one"]);
  });

  it("hands on what was asked and answered, headers and bodies included", async () => {
    await add("one");
    const answer = await fetch(`${origin}/a?b=c`, {
      method: "POST",
      body: "some text",
      headers: { "X-Forwarded-For": "203.0.113.7" },
    });

    expect(answer.headers.getSetCookie()).to.deep.equal(["a=1", "b=2"]);
    expect(await answer.json()).to.deep.equal({
      name: "one",
      host: new URL(origin).host,
      connection: "close",
      url: "/a?b=c",
      body: "some text",
      ips: ["203.0.113.7", "127.0.0.1"],
    });
  });

  it("keeps a SockJS session at its server, also when another one goes", async () => {
    const ports = [await add("one"), await add("two"), await add("three")];
    const sessions = Array.from({ length: 20 }, (_, i) => `/portfolio/000/session${i}/xhr`);
    const before = await namesOf(sessions);
    expect(await namesOf(sessions)).to.deep.equal(before);
    expect(new Set(before)).to.have.length(3);

    balancer.remove(ports[1]!);
    const after = await namesOf(sessions);
    expect(after).to.not.include("two");
    expect(after.filter((_, i) => before[i] !== "two")).to.deep.equal(
      before.filter((name) => name !== "two"),
    );
  });

  it("answers 503 when there is no server, and 502 when one has just gone", async () => {
    expect((await fetch(origin)).status).to.equal(503);

    const port = await add("one");
    servers[0]!.close();
    servers[0]!.closeAllConnections();
    expect((await fetch(origin)).status).to.equal(502);

    balancer.remove(port);
    const failure = new Promise((resolve) => {
      new WebSocket(origin.replace("http", "ws")).on("error", ({ message }) => resolve(message));
    });
    expect(await failure).to.equal("Unexpected server response: 503");
  });

  describe("in front of STOMP", () => {
    let server: TestServer;

    beforeEach(async () => {
      server = await startServer();
      balancer.add(server.port);
    });

    afterEach(() => server.close());

    it("lets WebSockets through, both ways", async () => {
      const webSocket = new WebSocket(`${origin.replace("http", "ws")}/ws`, ["v12.stomp"], { origin });
      await once(webSocket, "open");
      webSocket.send("CONNECT\naccept-version:1.2\nhost:spec\n\n\0");
      const [data] = (await once(webSocket, "message")) as [Buffer];

      expect(data.toString()).to.match(/^CONNECTED\n/);
      webSocket.close();
      await once(webSocket, "close");
    });

    it("spreads WebSockets though each comes behind a request of its page", async () => {
      const other = await startServer();
      balancer.add(other.port);
      const clients: RawClient[] = [];
      for (let i = 0; i < 4; i++) {
        await (await fetch(origin)).text();
        clients.push(await RawClient.connect(Number(new URL(origin).port)));
      }

      expect(server.messaging.stats().connections).to.equal(2);
      expect(other.messaging.stats().connections).to.equal(2);
      for (const client of clients) client.cut();
      await other.close();
    });

    it("lets refusals of handshakes through", async () => {
      const webSocket = new WebSocket(`${origin.replace("http", "ws")}/ws`, {
        origin: "https://evil.example",
      });
      const [{ message }] = (await once(webSocket, "error")) as [Error];

      expect(message).to.equal("Unexpected server response: 403");
    });

    it("ends what it streams when the server goes", async () => {
      const answer = await fetch(`${origin}/ws/000/abcdefgh/xhr_streaming`, { method: "POST" });
      const reader = answer.body!.getReader();
      await reader.read();
      await server.close();

      for (let part = await reader.read(); !part.done; part = await reader.read());
      server = await startServer();
    });
  });
});

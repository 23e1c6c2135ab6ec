import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { expect } from "chai";
import { ClusterProcess } from "../support/cluster-process.js";
import { RawClient } from "../support/raw-client.js";

describe("stickySockJS", function () {
  this.timeout(60_000);
  let cluster: ClusterProcess;
  let agent: Agent;

  before(async () => {
    cluster = await ClusterProcess.of(3);
    // A browser keeps connections, and sends anything over any of them.
    agent = new Agent({ keepAlive: true, maxSockets: 2 });
  });

  after(async () => {
    agent.destroy();
    await cluster.kill();
  });

  async function http(path: string, method = "GET", body = ""): Promise<{ status: number; text: string }> {
    const sent = request({ agent, host: "127.0.0.1", port: cluster.port, path, method }).end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode!, text };
  }

  it("takes all requests of a SockJS session to one worker, whatever went over the connection before", async () => {
    const connectFrame = JSON.stringify(["CONNECT\naccept-version:1.2\nhost:spec\n\n\0"]);
    for (let i = 0; i < 12; i++) {
      const session = `/ws/000/session${i}`;
      await http("/pid");
      expect(await http(`${session}/xhr`, "POST")).to.deep.equal({ status: 200, text: "o\n" });
      await http("/ws/info");
      expect((await http(`${session}/xhr_send`, "POST", connectFrame)).status).to.equal(204);
      const { status, text } = await http(`${session}/xhr`, "POST");
      expect(status).to.equal(200);
      expect(text).to.match(/^a\["CONNECTED/);
    }
  });

  it("spreads other requests, and WebSockets, over all workers", async () => {
    const pids = new Set<string>();
    for (let i = 0; i < 6; i++) pids.add((await http("/pid")).text);
    expect(pids.size).to.equal(3);
    for (let i = 0; i < 3; i++) {
      const client = await RawClient.connect(cluster.port);
      expect(await client.synchronize()).to.deep.equal([]);
      client.cut();
    }
  });

  it("waits for a request line that comes in pieces, and for a body that comes later", async () => {
    const socket = connect(cluster.port, "127.0.0.1").setNoDelay();
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    // It may come before the pause behind the last piece is over.
    const ended = once(socket, "end");
    for (const piece of [
      "PO",
      "ST /ws/000/pieces/xhr HT",
      "TP/1.1\r",
      "\nhost: a\r\ncontent-length: 4\r\n\r\n",
      "ab",
      "cd",
    ]) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect(answer)
      .to.match(/^HTTP\/1.1 200 OK\r\n/)
      .and.match(/o\n/);
    expect(answer).to.match(/\r\nconnection: close\r\n/i);
  });

  it("loses nothing of bodies that come in pieces while a connection is handed on, one or many at once", async () => {
    const session = "/ws/000/many";
    await http(`${session}/xhr`, "POST");
    const body = JSON.stringify(["\n".repeat(100)]);
    const head = `POST ${session}/xhr_send HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`;
    async function statusOf(): Promise<string> {
      const socket = connect(cluster.port, "127.0.0.1").setNoDelay();
      const answered = once(socket, "data");
      for (const piece of [head, ...body]) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const [answer] = (await answered) as [Buffer];
      socket.destroy();
      return answer.toString("latin1", 9, 12);
    }
    expect(await statusOf()).to.equal("204");
    const statuses = await Promise.all(Array.from({ length: 12 }, statusOf));
    expect(statuses).to.deep.equal(Array(12).fill("204"));
  });

  it("lets no worker have the second request of a connection, also when it comes before the first is answered", async () => {
    const socket = connect(cluster.port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    const get = "GET /hit HTTP/1.1\r\nhost: a\r\n\r\n";
    socket.write(get.repeat(3));
    await once(socket, "close");
    expect(answer.match(/^HTTP\/1.1 \d+/gm)).to.deep.equal(["HTTP/1.1 200"]);
    // Each worker is asked once.
    const hits = [];
    for (let i = 0; i < 3; i++) hits.push((await http("/hit")).text);
    expect(hits.toSorted()).to.deep.equal(["1", "1", "2"]);
  });

  it("ends a connection that says no request line", async () => {
    const socket = connect(cluster.port, "127.0.0.1");
    socket.on("error", () => {}).write("A".repeat(20_000));
    await once(socket, "close");
  });

  it("leaves the sessions of others where they are when a worker is replaced", async () => {
    const sessions = Array.from({ length: 20 }, (_, i) => `/ws/000/stays${i}`);
    for (const session of sessions) await http(`${session}/xhr`, "POST");
    const pid = Number((await http("/pid")).text);
    await cluster.replace(pid);
    const heartBeat = JSON.stringify(["\n"]);
    const statuses = [];
    for (const session of sessions)
      statuses.push((await http(`${session}/xhr_send`, "POST", heartBeat)).status);
    // Those of the worker that was killed are gone; about two of three are not.
    const alive = statuses.filter((status) => status === 204).length;
    expect(statuses.filter((status) => status === 404).length + alive).to.equal(20);
    expect(alive).to.be.within(8, 19);
  });
});

import { once } from "node:events";
import type { Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import { faultProxy } from "express-stomp/testing";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { SocketHost } from "../support/socket-host.js";
import { TimedSession } from "../support/timed-session.js";

describe("A session whose client says nothing", () => {
  let stage: TimedSession;
  let probes: number;

  /** @param answers whether the client's end of the line answers probes; `undefined` when there are none */
  function connected({
    heartBeat = "0,0",
    answers,
    page = false,
  }: {
    heartBeat?: string;
    answers?: boolean;
    page?: boolean;
  }) {
    stage = new TimedSession();
    stage.open(page ? { origin: "https://chat.example" } : {});
    const { socket } = stage;
    probes = 0;
    if (answers !== undefined) {
      socket.probe = () => {
        probes++;
        if (answers) socket.listener?.answered?.();
      };
    }
    stage.send(`CONNECT\naccept-version:1.2\nheart-beat:${heartBeat}\n\n\0`);
  }

  /** Lets time pass in which the client takes what it is sent. */
  function pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      stage.time.pass(1_000);
      stage.socket.taken(stage.socket.bufferedAmount);
    }
  }

  for (const [what, beating] of [
    ["of heart-beats", { heartBeat: "10000,10000" }],
    ["of signs of life", { answers: true }],
  ] as const) {
    it(`leaves nothing behind that ticks, ${what}`, () => {
      connected(beating);
      expect(stage.time.interval).to.be.a("number");

      stage.socket.listener?.socketClosed(1006, "");

      expect(stage.time.interval).to.equal(undefined);
    });
  }

  it("that promised nothing, asks for a sign of life, and ends the session when none comes", () => {
    connected({ answers: false });

    pass(70_000);
    expect(probes).to.be.within(2, 3);
    expect(stage.socket.closings).to.deep.equal([]);
    pass(10_000);
    expect(stage.socket.closings).to.deep.equal([1002]);
  });

  it("that promised nothing, lets it stay while its end of the line answers", () => {
    connected({ answers: true });

    pass(600_000);
    expect(probes).to.be.within(24, 27);
    expect(stage.socket.closings).to.deep.equal([]);
  });

  it("that promised nothing, lets it stay where nothing can be asked", () => {
    connected({});

    pass(600_000);
    expect(stage.socket.closings).to.deep.equal([]);
  });

  for (const answers of [true, false, undefined]) {
    it(`that promised heart-beats, ends it after three of them, whether its line answers (${answers})`, () => {
      connected({ heartBeat: "10000,0", ...(answers !== undefined && { answers }) });

      pass(28_000);
      expect(stage.socket.closings).to.deep.equal([]);
      pass(4_000);
      expect(stage.socket.closings).to.deep.equal([1002]);
    });
  }

  it("that promised heart-beats from a page, lets it stay while its line answers: timers of hidden pages are slow", () => {
    connected({ heartBeat: "10000,0", answers: true, page: true });

    pass(600_000);
    expect(probes).to.be.within(50, 61);
    expect(stage.socket.closings).to.deep.equal([]);
  });

  it("that promised heart-beats from a page whose line does not answer, ends it after three", () => {
    connected({ heartBeat: "10000,0", answers: false, page: true });

    pass(32_000);
    expect(stage.socket.closings).to.deep.equal([1002]);
  });

  it("that promised heart-beats from a page over a transport that cannot be asked, gives it time for two a minute", () => {
    connected({ heartBeat: "10000,0", page: true });

    pass(128_000);
    expect(stage.socket.closings).to.deep.equal([]);
    pass(5_000);
    expect(stage.socket.closings).to.deep.equal([1002]);
  });

  it("that promised nothing, keeps it over a real line while that is there, and ends it when the line vanishes", async () => {
    stage = new TimedSession();
    const host = new SocketHost({
      opened: ({ socket, handshake }) => stage.sessions.open(socket, handshake),
    });
    host.endpoint();
    const proxy = await faultProxy({ host: "127.0.0.1", port: await host.listen() });
    const lines: TcpSocket[] = [];
    host.server.on("connection", (line) => lines.push(line));
    const client = await RawClient.connect(proxy.port, "heart-beat:0,0\n");
    try {
      const isOver = new Promise<void>((resolve) => {
        stage.ended = resolve;
      });
      let isEnded = false;
      void isOver.then(() => {
        isEnded = true;
      });

      for (let minute = 0; minute < 5; minute++) {
        const pinged = once(client.webSocket, "ping");
        const answered = once(lines[0]!, "data");
        stage.time.pass(26_000);
        await Promise.all([pinged, answered]);
        await settled();
      }
      expect(isEnded).to.equal(false);

      proxy.stall();
      stage.time.pass(80_000);
      await isOver;
    } finally {
      client.cut();
      await proxy.close();
      await host.close();
    }
  });
});

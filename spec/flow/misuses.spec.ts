import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express from "express";
import { ConfigurationError } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { http } from "../support/sockjs-http.js";

describe("What is misused", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer();
  });

  after(() => server.close());

  const misuses: [what: string, misuse: (server: TestServer) => unknown, says: string][] = [
    [
      "attach with the application",
      // @ts-expect-error it is the server that has handshakes
      ({ messaging }) => messaging.attach(express()),
      "attach takes the HTTP server, not the application: write messaging.attach(app.listen(8080))",
    ],
    [
      "attach with nothing",
      // @ts-expect-error a server is needed
      ({ messaging }) => messaging.attach(),
      "attach takes the HTTP server, not undefined",
    ],
    [
      "attach with a port",
      // @ts-expect-error a number is no server
      ({ messaging }) => messaging.attach(8080),
      "attach takes the HTTP server, not number",
    ],
    [
      "attach with an object",
      // @ts-expect-error an address is no server
      ({ messaging }) => messaging.attach({ port: 8080 }),
      "attach takes the HTTP server, not object",
    ],
    [
      "on with an event that there is not",
      // @ts-expect-error it is connected
      ({ messaging }) => messaging.on("connectd", () => {}),
      "There is no event 'connectd'; there are connect, connected, ",
    ],
    [
      "on with a name of all objects",
      // @ts-expect-error it is no event
      ({ messaging }) => messaging.on("constructor", () => {}),
      "There is no event 'constructor'",
    ],
    [
      "on without a listener",
      // @ts-expect-error somebody has to hear of it
      ({ messaging }) => messaging.on("connected"),
      'on("connected") takes a function that hears of it, not undefined',
    ],
    [
      "close with another option",
      // @ts-expect-error it is drainMs
      ({ messaging }) => messaging.close({ drain: 100 }),
      'close has no option "drain"; it has drainMs',
    ],
    [
      "close with a number",
      // @ts-expect-error it is an option
      ({ messaging }) => messaging.close(100),
      "close takes an object",
    ],
    [
      "disconnect with a name",
      // @ts-expect-error of a user or a session
      ({ messaging }) => messaging.disconnect("ann"),
      'disconnect takes { user: "…" } or { sessionId: "…" }',
    ],
    [
      "disconnect with both",
      ({ messaging }) => messaging.disconnect({ user: "ann", sessionId: "s1" }),
      "disconnect takes",
    ],
    [
      "recheck with another name",
      // @ts-expect-error it is user
      ({ messaging }) => messaging.recheck({ username: "ann" }),
      'recheck takes { user: "…" } or { sessionId: "…" }',
    ],
  ];
  for (const [what, misuse, says] of misuses) {
    it(`says what is wrong, and what would be right: ${what}`, () => {
      expect(() => misuse(server)).to.throw(ConfigurationError, says);
    });
  }

  for (const [where, app] of [
    ["a framework that is not Express", undefined],
    ["an old Express", { get: () => undefined }],
  ] as const) {
    it(`says what is wrong, and what would be right: a mount in ${where}`, async () => {
      const answers = createServer((req, res) => {
        Object.assign(req, { app });
        const middleware = server.messaging as (...args: unknown[]) => void;
        middleware(req, res, (fault: unknown) => res.end(String(fault)));
      });
      await once(answers.listen(0, "127.0.0.1"), "listening");
      const { port } = answers.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}/ws`);
      expect(await response.text()).to.include(
        "ConfigurationError: express-stomp has to be mounted in an application of Express 4.19 or newer",
      );
      answers.close();
    });
  }

  it("says what is wrong, and what would be right: a payload before its destination", async () => {
    const { template } = server.messaging;
    const answers = [
      // @ts-expect-error the destination is a string
      template.convertAndSend({ text: "hi" }, "/topic/a"),
      // @ts-expect-error the destination is a string
      template.convertAndSendToUser("ann", { text: "hi" }, "/queue/a"),
    ].map((sent) =>
      sent.then(
        () => "",
        (error: Error) => error.message,
      ),
    );
    expect(await Promise.all(answers)).to.deep.equal([
      'A destination is a string such as "/topic/news", not object: convertAndSend(destination, payload)',
      'A destination is a string such as "/topic/news", not object: convertAndSendToUser(name, destination, payload)',
    ]);
  });

  it("is told to the log, once a path: a handshake that came to no endpoint, with where they are", async () => {
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "c3BlYyBzcGVjIHNwZWMgcw==",
      "sec-websocket-version": "13",
    };
    for (const path of ["/stomp?token=1", "/stomp?token=2"]) {
      expect((await http(server.port, path, { headers: upgrade })).status).to.equal(404);
    }
    expect(server.log.filter((line) => line.includes("404"))).to.deep.equal([
      "warn A WebSocket handshake for /stomp was answered 404: it came to no endpoint. They are at /ws, below the " +
        "mount of app.use(messaging), which has to stand in front of what answers 404.",
    ]);
  });

  it("costs nothing that was right", async () => {
    const client = await RawClient.connect(server.port);
    await client.synchronize();
    client.cut();
  });

  it("is not: a listener of process that is told the signal's name", async () => {
    const other = await startServer();
    const closeBy = other.messaging.close as (signal: string) => Promise<void>;
    await closeBy("SIGTERM");
    await other.close();
  });

  it("is not: a server of another library that is one by all it does", async () => {
    const other = await startServer();
    const given = createServer();
    other.messaging.attach(Object.create(given) as typeof given);
    await other.close();
  });
});

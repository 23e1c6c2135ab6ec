import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express, { type Express, Router } from "express";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  Controller,
  MessageMapping,
  Payload,
  type StompEndpointRegistry,
  type StompMessaging,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { codeOf } from "../support/code-of.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converse, handshakeText } from "../support/socket-host.js";
import { type Users, withUsers } from "../support/users.js";

const called: string[] = [];

@Controller()
class Work {
  @MessageMapping("/work")
  work(@Payload() body: string) {
    called.push(`SEND ${body}`);
  }

  @SubscribeMapping("/work")
  asked() {
    called.push("SUBSCRIBE");
    return "answer";
  }
}

const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@";
const BEHIND =
  "SEND\ndestination:/app/work\n\nbehind^@SUBSCRIBE\nid:1\ndestination:/app/work\n\n^@SEND\ndestination:/topic/a\n\nbehind^@";

/** What went wrong in systems like this one; by the number it has there. */
describe("An advisory about others", () => {
  describe("CVE-2025-41254, CVE-2023-32081: frames without CONNECT, or behind one that was refused", () => {
    let server: TestServer;
    let listener: RawClient;
    const clients: RawClient[] = [];
    let refusing: Promise<void>;
    let refuse: () => void;

    beforeEach(async () => {
      called.length = 0;
      refusing = new Promise((resolve) => {
        refuse = resolve;
      });
      const interceptor: ChannelInterceptor = {
        preSend(message) {
          const { messageType, native } = message.headers;
          const how = native.get("refuse");
          if (messageType !== "CONNECT" || how === undefined) return message;
          if (how === "null") return null;
          if (how === "later null") return refusing.then(() => null);
          if (how === "now") throw new AccessDeniedError("No");
          return refusing.then(() => Promise.reject(new AccessDeniedError("No")));
        },
      };
      server = await startServer({
        controllers: [Work],
        clientInboundChannel: { interceptors: [interceptor] },
      });
      listener = await RawClient.connect(server.port);
      clients.push(listener);
      listener.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await listener.synchronize();
    });

    afterEach(async () => {
      for (const client of clients.splice(0)) client.cut();
      await server.close();
    });

    async function nothingHappened(client: RawClient): Promise<void> {
      expect(await client.frame()).to.match(/^ERROR\n/);
      expect(await client.closed()).to.equal(1002);
      expect(called).to.deep.equal([]);
      expect(await listener.synchronize()).to.deep.equal([]);
    }

    for (const first of BEHIND.split("^@").filter(Boolean)) {
      it(`does nothing with ${first.split("\n", 2).join(" ")} as the first frame`, async () => {
        const client = await RawClient.open(server.port);
        clients.push(client);
        client.send(`${first}^@${CONNECT}${BEHIND}`);
        await nothingHappened(client);
      });
    }

    for (const how of ["now", "later", "null", "later null"]) {
      for (const together of [true, false]) {
        it(`does nothing with what follows a CONNECT refused ${how}, ${together ? "in the same" : "in another"} message`, async () => {
          const client = await RawClient.open(server.port);
          clients.push(client);
          const connect = CONNECT.replace("host:spec", `host:spec\nrefuse:${how}`);
          if (together) client.send(connect + BEHIND);
          else {
            client.send(connect);
            client.send(BEHIND);
          }
          // Whatever is there to be handled too early is, by the time that another client has had its turn.
          expect(await listener.synchronize()).to.deep.equal([]);
          refuse();
          await nothingHappened(client);
        });
      }
    }

    it("shows that the same frames do something behind one that was accepted", async () => {
      const client = await RawClient.connect(server.port);
      clients.push(client);
      client.send(BEHIND);
      await client.synchronize();
      expect(called).to.deep.equal(["SEND behind", "SUBSCRIBE"]);
      expect(await listener.frame()).to.include("\n\nbehind^@");
    });
  });

  describe("CVE-2026-59390, CVE-2026-41700: no check of the Origin on one of several ways to mount", () => {
    let server: Server | undefined;
    let messaging: StompMessaging;

    afterEach(async () => {
      await messaging.close();
      await new Promise((resolve) => server?.close(resolve));
    });

    const endpoints = [{ path: "/ws", sockJS: true }];
    const ways: [way: string, paths: readonly string[], mount: (app: Express) => StompMessaging][] = [
      [
        "app.use",
        ["/ws", "/ws/websocket", "/ws/000/s/websocket"],
        (app) => mounted(stompMessaging({ endpoints }), (middleware) => app.use(middleware)),
      ],
      [
        "app.use below a path",
        ["/deep/down/ws"],
        (app) => mounted(stompMessaging({ endpoints }), (middleware) => app.use("/deep/down", middleware)),
      ],
      [
        "a Router",
        ["/router/ws"],
        (app) =>
          mounted(stompMessaging({ endpoints }), (middleware) =>
            app.use("/router", Router().use(middleware)),
          ),
      ],
      [
        "app.get",
        ["/ws"],
        (app) => mounted(stompMessaging({ endpoints }), (middleware) => app.get("/ws", middleware)),
      ],
      [
        "a configurer",
        ["/ws", "/plain"],
        (app) =>
          mounted(
            stompMessaging({
              registerStompEndpoints(registry: StompEndpointRegistry) {
                registry.addEndpoint("/ws").withSockJS();
                registry.addEndpoint("/plain");
              },
            }),
            (middleware) => app.use(middleware),
          ),
      ],
    ];
    for (const [way, paths, mount] of ways) {
      it(`answers 403 to another site's page by ${way}, and 101 to its own`, async () => {
        const app = express();
        messaging = mount(app);
        server = createServer(app);
        messaging.attach(server);
        await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;

        for (const path of paths) {
          for (const Origin of ["https://evil.example", "null", `http://127.0.0.1:${port}.evil.example`]) {
            const answer = await converse(port, handshakeText(path, { Origin, Cookie: "sid=1" }));
            expect(answer, `${Origin} at ${path}`).to.match(/^HTTP\/1\.1 403 /);
          }
          const own = await RawClient.open(port, path, { origin: `http://127.0.0.1:${port}` });
          own.cut();
        }
      });
    }

    function mounted(made: StompMessaging, mount: (middleware: StompMessaging) => unknown): StompMessaging {
      mount(made);
      return made;
    }
  });

  describe("CVE-2026-41838, CVE-2015-0201, CVE-2026-54475: ids that can be guessed, or give rights", () => {
    let users: Users;

    beforeEach(async () => {
      users = await withUsers({ clientsMaySendToUsers: true });
    });
    afterEach(() => users.close());

    it("makes ids of 122 random bits, each once", async () => {
      const ids = new Set<string>();
      users.server.messaging.on("connected", ({ sessionId }) => void ids.add(sessionId));
      for (let i = 0; i < 100; i++) (await RawClient.connect(users.server.port)).cut();

      expect(ids.size).to.equal(100);
      for (const id of ids) {
        expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
    });

    it("gives whoever knows the id of a session nothing of it", async () => {
      const [joe, stranger, mallory] = [
        await users.connect("joe"),
        await users.connect(),
        await users.connect("mallory"),
      ];
      for (const client of [joe, stranger]) {
        client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/x\n\n^@");
        await client.synchronize();
      }
      for (const [i, { sessionId }] of [joe, stranger].entries()) {
        for (const destination of [
          `/queue/x-user${sessionId}`,
          `/user/${sessionId}/queue/x`,
          `/user/queue/x-user${sessionId}`,
        ]) {
          mallory.send(
            `SUBSCRIBE\nid:${i}${destination}\ndestination:${destination}\n\n^@SEND\ndestination:${destination}\n\nforged^@`,
          );
        }
      }
      expect(
        (await mallory.synchronize()).filter((event) => !String(event).includes("forged")),
      ).to.deep.equal([]);
      await users.server.messaging.template.convertAndSendToUser("joe", "/queue/x", "private");
      await users.server.messaging.template.convertAndSendToUser(stranger.sessionId, "/queue/x", "private");

      for (const client of [joe, stranger]) {
        const frames = await client.synchronize();
        expect(frames.map((frame) => /\n\n(.*)\^@$/.exec(String(frame))?.[1])).to.deep.equal(["private"]);
      }
      expect(await mallory.synchronize()).to.deep.equal([]);
    });
  });

  describe("CVE-2026-44838, CVE-2026-67407, CVE-2026-57217: user names that are read as patterns", () => {
    let users: Users;

    before(async () => {
      users = await withUsers();
    });
    after(() => users.close());

    for (const name of [".*", "*", "**", "#", "(a+)+$", "x-y", "/", "%2F", "{name}", "..", "[", "\\"]) {
      it(`are only names: ${name}`, async () => {
        const [odd, joe] = [await users.connect(name), await users.connect("joe")];
        for (const client of [odd, joe]) {
          client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/x\n\n^@");
          await client.synchronize();
        }
        await users.server.messaging.template.convertAndSendToUser(name, "/queue/x", "to the odd one");
        await users.server.messaging.template.convertAndSendToUser("joe", "/queue/x", "to joe");

        for (const [client, body] of [
          [odd, "to the odd one"],
          [joe, "to joe"],
        ] as const) {
          const frames = await client.synchronize();
          expect(frames.map((frame) => /\n\n(.*)\^@$/.exec(String(frame))?.[1])).to.deep.equal([body]);
        }
        odd.cut();
        joe.cut();
      });
    }
  });

  describe("of RabbitMQ, ee0ebfcc0c: UNSUBSCRIBE that names what is another's", () => {
    it("ends the subscription with its id, and looks at no other header", async () => {
      const server = await startServer({
        broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
      });
      const [joe, mallory] = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
      joe.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@SUBSCRIBE\nid:2\ndestination:/topic/a\n\n^@");
      await joe.synchronize();
      mallory.send("SUBSCRIBE\nid:m\ndestination:/topic/b\n\n^@");
      for (const id of ["1", "m"]) {
        mallory.send(
          `UNSUBSCRIBE\nid:${id}\ndestination:/queue/a\nx-queue-name:a\ndurable:true\nsubscription:2\n\n^@`,
        );
      }
      await mallory.synchronize();

      await server.messaging.template.convertAndSend("/queue/a", "1");
      await server.messaging.template.convertAndSend("/topic/a", "2");

      const bodies = (await joe.synchronize()).map((frame) => /\n\n(.*)\^@$/.exec(String(frame))?.[1]);
      expect(bodies).to.deep.equal(["1", "2"]);
      joe.cut();
      mallory.cut();
      await server.close();
    });
  });

  describe("CVE-2026-33227, CVE-2026-54466: what is not here cannot go wrong", () => {
    const sources = readdirSync("lib", { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [file, readFileSync(`lib/${file}`, "utf8")] as const);

    it("opens no file, starts no program and loads no module by a name it was given", () => {
      const banned =
        /^import (?!type ).*from "node:(?:fs|child_process|vm|module|worker_threads)|\brequire\(|\bimport\([^"]/m;
      const own = new Set([
        // The files of a page that the package serves: names that stand in the code.
        "inspector/page-files.ts",
        "asyncapi/react-component.ts",
        // Speaks with the thread that has started this one.
        "cluster/lines.ts",
      ]);
      const others = sources.filter(([file, source]) => !own.has(file) && banned.test(codeOf(source)));
      expect(others.map(([file]) => file)).to.deep.equal([]);
    });

    it("needs no package but ws, of a version without known holes", () => {
      const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
        dependencies: { readonly ws: string };
      };
      expect(Object.keys(dependencies)).to.deep.equal(["ws"]);
      const [, minor] = /^\^8\.(\d+)\./.exec(dependencies.ws) ?? [];
      expect(Number(minor)).to.be.at.least(21);
    });
  });
});

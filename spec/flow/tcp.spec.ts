import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect } from "chai";
import {
  AccessDeniedError,
  csrfToken,
  type ListenOptions,
  messageSecurity,
  type StompMessagingOptions,
  withHeaders,
} from "express-stomp";
import { CERTIFICATE, KEY } from "../support/certificate.js";
import { ClientHost } from "../support/client-host.js";
import { FakeTime } from "../support/fake-time.js";
import { LineClient } from "../support/line-client.js";

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing",
    (error: Error) => error.message,
  );

const TLS = { key: KEY, cert: CERTIFICATE };

/** Lets time pass until something has happened. */
async function passUntil<T>(clock: FakeTime, promise: Promise<T>): Promise<T> {
  let waits = true;
  void promise.finally(() => {
    waits = false;
  });
  while (waits) {
    clock.pass(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}

describe("messaging.listen, STOMP without WebSocket", () => {
  let host: ClientHost;
  let clients: LineClient[];

  beforeEach(() => {
    host = new ClientHost();
    clients = [];
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    await host.close();
  });

  async function listen(
    where: Partial<ListenOptions> = {},
    options?: Partial<StompMessagingOptions>,
  ): Promise<number> {
    await host.listen(options);
    return (await host.server.messaging.listen({ port: 0, ...where })).address.port;
  }

  function kept(client: LineClient): LineClient {
    clients.push(client);
    return client;
  }

  for (const [name, server, client] of [
    ["TCP", {}, undefined],
    ["TLS", { tls: TLS }, {}],
  ] as const) {
    describe(`over ${name}`, () => {
      it("speaks with clients of WebSocket, both ways and with bytes as they are", async () => {
        const port = await listen(server);
        const device = kept(await LineClient.connect(port, "", client));
        const page = await host.connect();
        await device.handled("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@");
        page.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n^@");
        await page.next();

        page.send("SEND\ndestination:/topic/a\n\nfrom the page^@");
        expect(await device.next()).to.match(/^MESSAGE\n(?:.+\n)+\nfrom the page\^@$/);
        expect(await page.next()).to.match(/from the page/);
        device.send("SEND\ndestination:/topic/a\ncontent-length:5\n\na\0b\0c^@");
        expect(await page.next()).to.match(/\ncontent-length:5\n(?:.+\n)*\na\^@b\^@c\^@$/);
      });

      it("takes frames in whatever pieces they come", async () => {
        const port = await listen(server);
        const device = kept(await LineClient.open(port, client));
        device.socket.setNoDelay(true);
        const text = "CONNECT\naccept-version:1.1\n\n\0\n\nSEND\ndestination:/topic/a\nreceipt:ä\n\nx\0";
        for (const byte of Buffer.from(text)) {
          device.socket.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(await device.next()).to.match(/^CONNECTED\nversion:1.1\n/);
        expect(await device.next()).to.equal("RECEIPT\nreceipt-id:ä\n\n^@");
      });

      it("answers DISCONNECT, then ends the line", async () => {
        const port = await listen(server);
        const ended = host.event("disconnect");
        const device = kept(await LineClient.connect(port, "", client));
        device.send("DISCONNECT\nreceipt:bye\n\n^@");
        expect(await device.next()).to.equal("RECEIPT\nreceipt-id:bye\n\n^@");
        expect(await device.next()).to.equal("ended");
        expect(await ended).to.include({ code: 1000 });
      });

      it("tells a fault by ERROR, though more of the client is unread, then ends the line", async () => {
        const port = await listen(server);
        const ended = host.event("disconnect");
        const device = kept(await LineClient.connect(port, "", client));
        device.send(`SEND\n\n^@${"SEND\ndestination:/topic/a\n\n^@".repeat(10_000)}`);
        expect(await device.next()).to.match(/^ERROR\nmessage:.*destination/);
        expect(await device.next()).to.equal("ended");
        expect(await ended).to.include({ code: 1002 });
      });

      it("hears that a client has gone: its line ended, or cut", async () => {
        const port = await listen(server);
        const first = kept(await LineClient.connect(port, "", client));
        let ended = host.event("disconnect");
        first.socket.end();
        expect(await ended).to.include({ code: 1005 });

        const second = kept(await LineClient.connect(port, "", client));
        ended = host.event("disconnect");
        if (name === "TCP") second.socket.resetAndDestroy();
        else second.cut();
        expect(await ended).to.include({ code: name === "TCP" ? 1006 : 1005 });
        expect(host.server.messaging.stats().connections).to.equal(0);
      });

      it("handles what a client sent before it ended its line", async () => {
        const port = await listen(server);
        const page = await host.connect();
        page.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n^@");
        await page.next();
        const device = kept(await LineClient.open(port, client));
        device.socket.end(
          "CONNECT\naccept-version:1.2\nhost:x\n\n\0SEND\ndestination:/topic/a\n\nlast words\0",
        );
        expect(await page.next()).to.match(/last words/);
      });
    });
  }

  it("is a session for interceptors, rules, the registry and `disconnect`", async () => {
    const seen: (string | undefined)[] = [];
    const port = await listen(
      {},
      {
        clientInboundChannel: {
          interceptors: [
            {
              preSend(message) {
                if (message.headers.messageType !== "CONNECT") return message;
                const name = message.headers.native.get("login");
                seen.push(name);
                if (name === "mallory") throw new AccessDeniedError("mallory may not come in");
                return withHeaders(message, { user: { name: name as string } });
              },
            },
          ],
        },
        security: messageSecurity((messages) =>
          messages.simpSubscribeDestMatchers("/topic/admin").hasRole("ADMIN").anyMessage().permitAll(),
        ),
      },
    );
    const refused = kept(await LineClient.open(port));
    refused.send("CONNECT\naccept-version:1.2\nhost:x\nlogin:mallory\n\n^@");
    expect(await refused.next()).to.match(/^ERROR\nmessage:mallory may not come in\n/);

    const device = kept(await LineClient.connect(port, "login:sensor\n"));
    expect(seen).to.deep.equal(["mallory", "sensor"]);
    const { messaging } = host.server;
    expect(messaging.userRegistry.getUsers().map(({ name }) => name)).to.deep.equal(["sensor"]);
    await device.handled("SUBSCRIBE\nid:q\ndestination:/user/queue/orders\n\n^@");
    await messaging.template.convertAndSendToUser("sensor", "/queue/orders", "measure");
    expect(await device.next()).to.match(/measure/);

    const denied = kept(await LineClient.connect(port, "login:other\n"));
    denied.send("SUBSCRIBE\nid:0\ndestination:/topic/admin\n\n^@");
    expect(await denied.next()).to.match(/^ERROR\n/);
    expect(messaging.disconnect({ user: "sensor" }, "The battery is empty")).to.equal(1);
    expect(await device.next()).to.match(/^ERROR\nmessage:The battery is empty\n/);
    expect(await device.next()).to.equal("ended");
  });

  it("finds users by the client's certificate, once somebody has vouched for it", async () => {
    const port = await listen({
      tls: { ...TLS, ca: CERTIFICATE, requestCert: true, rejectUnauthorized: false },
      user: ({ certificate }) => certificate && { name: `${certificate.subject.CN}` },
    });
    kept(await LineClient.connect(port, "", TLS));
    expect(host.server.messaging.userRegistry.getUsers().map(({ name }) => name)).to.deep.equal([
      "localhost",
    ]);
    kept(await LineClient.connect(port, "", {}));
    expect(host.server.messaging.userRegistry.getUsers()).to.have.length(1);
  });

  it("waits for a user that takes time, and tells of one who is not found", async () => {
    const asked: string[] = [];
    const port = await listen({
      user: async ({ address, certificate }) => {
        asked.push(`${address} ${certificate}`);
        await new Promise((resolve) => setImmediate(resolve));
        if (asked.length === 2) throw new AccessDeniedError("Not from there");
        if (asked.length === 3) return { name: "" };
        return { name: "sensor" };
      },
    });
    kept(await LineClient.connect(port));
    expect(asked).to.deep.equal(["127.0.0.1 undefined"]);
    expect(host.server.messaging.userRegistry.getUsers()).to.have.length(1);

    for (const text of ["Not from there", "The frame could not be processed"]) {
      const refused = kept(await LineClient.open(port));
      refused.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
      expect(await refused.next()).to.match(new RegExp(`^ERROR\\nmessage:${text}\\n`));
      expect(await refused.next()).to.equal("ended");
    }
    expect(host.server.log.join("\n")).to.match(/a client's user failed: Not from there/);
  });

  it("waits for a user no longer than handshakeTimeout", async () => {
    const clock = new FakeTime();
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const port = await listen(
      {
        user: () => {
          asked();
          return new Promise(() => {});
        },
      },
      { clock, transport: { handshakeTimeout: 1000 } },
    );
    const client = kept(await LineClient.open(port));
    await isAsked;
    clock.pass(1000);
    expect(await client.next()).to.match(/^ERROR\n/);
    expect(await client.next()).to.equal("ended");
  });

  it("answers HTTP with ERROR, and takes nothing of its body for frames: a page cannot speak here", async () => {
    const port = await listen();
    const heard = host.collect("connect");
    const body = "CONNECT\naccept-version:1.2\nhost:x\n\n^@SEND\ndestination:/topic/a\n\nforged^@";
    const client = kept(await LineClient.open(port));
    client.send(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect(await client.next()).to.match(/^ERROR\nmessage:Unknown command\\c POST/);
    expect(await client.next()).to.equal("ended");
    expect(heard).to.deep.equal([]);
  });

  it("is no way around CSRF tokens", async () => {
    const port = await listen({}, { clientInboundChannel: { interceptors: [csrfToken()] } });
    const client = kept(await LineClient.open(port));
    client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
    expect(await client.next()).to.match(/^ERROR\nmessage:The CSRF token is missing or wrong\n/);
  });

  for (const [limit, transport] of [
    ["connectionLimit", { connectionLimit: 1 }],
    ["connectionsPerAddressLimit", { connectionsPerAddressLimit: 1 }],
    ["unconnectedLimit", { unconnectedLimit: 1 }],
  ] as const) {
    it(`refuses clients beyond ${limit}, with TLS before that begins`, async () => {
      const port = await listen({}, { transport });
      const secure = await host.server.messaging.listen({ port: 0, tls: TLS });
      const passed = host.collect("limitExceeded");
      const first = kept(await LineClient.open(port));
      const second = kept(await LineClient.open(port));
      expect(await second.next()).to.match(/^ERROR\nmessage:Too many connections\n(?:.*\n)*retry:\d+\n/);
      expect(await second.next()).to.equal("ended");
      const line = connect(secure.address.port, "127.0.0.1");
      await once(line, "close");
      expect(passed.map((event) => [event.limit, event.address])).to.deep.equal([
        [limit, "127.0.0.1"],
        [limit, "127.0.0.1"],
      ]);

      first.cut();
      while (host.server.messaging.stats().connections > 0)
        await new Promise((resolve) => setImmediate(resolve));
      kept(await LineClient.connect(port));
    });
  }

  it("ends clients that say nothing, or no CONNECT in time", async () => {
    const clock = new FakeTime();
    const port = await listen({}, { clock, transport: { timeToFirstMessage: 5000, connectTimeLimit: 3000 } });
    for (const bytes of ["", "\n"]) {
      const client = kept(await LineClient.open(port));
      client.send(bytes);
      while (host.server.messaging.stats().connections === 0)
        await new Promise((resolve) => setImmediate(resolve));
      expect(await passUntil(clock, client.next())).to.match(
        /^ERROR\nmessage:Session passes (timeToFirstMessage|connectTimeLimit)/,
      );
      client.cut();
      while (host.server.messaging.stats().connections > 0)
        await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("ends a client that does not read, and others hear on", async () => {
    const port = await listen({}, { transport: { sendBufferSizeLimit: 64 * 1024 } });
    const slow = kept(await LineClient.connect(port));
    const good = kept(await LineClient.connect(port));
    for (const client of [slow, good]) await client.handled("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@");
    const told = host.event("slowConsumer");
    slow.socket.pause();
    let sent = 0;
    let isTold = false;
    void told.then(() => {
      isTold = true;
    });
    while (!isTold) {
      await host.server.messaging.template.convertAndSend("/topic/a", "x".repeat(32 * 1024));
      sent++;
    }
    for (let i = 0; i < sent; i++) expect(await good.next()).to.match(/^MESSAGE\n/);
    expect((await told).limit).to.equal("sendBufferSizeLimit");
  });

  it("beats", async () => {
    const clock = new FakeTime();
    const port = await listen({}, { clock });
    const client = kept(await LineClient.open(port));
    client.send("CONNECT\naccept-version:1.2\nhost:x\nheart-beat:1000,1000\n\n^@");
    expect(await client.next()).to.match(/\nheart-beat:10000,10000\n/);
    const beat = once(client.socket, "data");
    clock.pass(10_000);
    expect((await beat)[0]).to.equal("\n");
    const answer = await passUntil(clock, client.next());
    expect(answer).to.match(/^ERROR\nmessage:.*heart-beat/i);
  });

  it("takes another certificate while it listens", async () => {
    await host.listen();
    const listening = await host.server.messaging.listen({ port: 0, tls: { ...TLS, minVersion: "TLSv1.3" } });
    kept(await LineClient.connect(listening.address.port, "", {}));
    listening.renew({ key: KEY, cert: CERTIFICATE, maxVersion: "TLSv1.2", minVersion: "TLSv1.2" });
    const client = kept(await LineClient.connect(listening.address.port, "", {}));
    expect((client.socket as unknown as { getProtocol(): string }).getProtocol()).to.equal("TLSv1.2");
    const plain = await host.server.messaging.listen({ port: 0 });
    expect(() => plain.renew(TLS)).to.throw("renew is for a server with tls");
  });

  it("knows clients by the same authorities when it has taken another certificate of its own", async () => {
    await host.listen();
    const tls = { ...TLS, ca: CERTIFICATE, requestCert: true, rejectUnauthorized: false };
    const user: ListenOptions["user"] = ({ certificate }) =>
      certificate && { name: String(certificate.subject.CN) };
    const listening = await host.server.messaging.listen({ port: 0, tls, user });
    for (const renewal of [TLS, { ...TLS, minVersion: "TLSv1.3" as const }]) {
      listening.renew(renewal);
      const device = kept(await LineClient.connect(listening.address.port, "", TLS));
      expect(host.server.messaging.userRegistry.getUserCount()).to.equal(1);
      const gone = host.event("disconnect");
      device.cut();
      await gone;
    }
  });

  it("ends a line on which TLS does not get ahead", async () => {
    const port = await listen({ tls: TLS }, { transport: { handshakeTimeout: 100 } });
    const line = connect(port, "127.0.0.1");
    await once(line, "close");
    const other = connect(port, "127.0.0.1", () => other.write("CONNECT\n\n\0"));
    await once(other, "close");
    expect(host.server.log.join("\n")).to.match(/a client's TLS handshake failed/);
    kept(await LineClient.connect(port, "", {}));
  });

  it("counts lines that left in the midst of TLS, or were refused before it, no longer", async () => {
    const port = await listen({ tls: TLS }, { transport: { unconnectedLimit: 2, connectionLimit: 1 } });
    const closed = (line: ReturnType<typeof connect>) =>
      new Promise((resolve) => line.on("error", () => {}).once("close", resolve));
    const first = await LineClient.connect(port, "", {});
    for (let i = 0; i < 5; i++) await closed(connect(port, "127.0.0.1"));
    first.cut();
    while (host.server.messaging.stats().connections > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let i = 0; i < 5; i++) {
      const line = connect(port, "127.0.0.1", () => line.end(Buffer.of(22, 3, 1)));
      await closed(line);
    }
    kept(await LineClient.connect(port, "", {}));
  });

  it("listens at this process's own address, unless told otherwise", async () => {
    await host.listen();
    const { messaging } = host.server;
    expect((await messaging.listen({ port: 0 })).address.address).to.equal("127.0.0.1");
    expect((await messaging.listen({ port: 0, host: "0.0.0.0" })).address.address).to.equal("0.0.0.0");
  });

  it("stops listening by itself, and with messaging: then clients leave as all others do", async () => {
    await host.listen();
    const { messaging } = host.server;
    const [one, two] = [await messaging.listen({ port: 0 }), await messaging.listen({ port: 0 })];
    const client = kept(await LineClient.connect(one.address.port));
    one.close();
    expect(await failure(LineClient.open(one.address.port))).to.match(/ECONNREFUSED/);
    await client.handled("SEND\ndestination:/topic/a\n\n^@");
    const again = createServer().listen(one.address.port, "127.0.0.1");
    await once(again, "listening");
    again.close();

    const ended = host.event("disconnect");
    await messaging.close();
    expect(await failure(LineClient.open(two.address.port))).to.match(/ECONNREFUSED/);
    expect(await client.next()).to.equal("ended");
    expect(await ended).to.include({ code: 1001, reason: "Server is shutting down" });
    expect(await failure(messaging.listen({ port: 0 }))).to.match(/messaging was closed: it listens no more/);
  });

  it("says what is wrong with its options, and when the port is taken", async () => {
    await host.listen();
    const { messaging } = host.server;
    for (const [options, text] of [
      [{}, "listen: port must be a whole number from 0 to 65,535, not undefined"],
      [{ port: 70_000 }, "port must be"],
      [{ port: 0, host: "" }, "host must be an address to listen at"],
      [{ port: 0, tls: true }, "tls must be the options of node's tls.createServer"],
      [{ port: 0, user: "me" }, "user must be a function"],
      [{ port: 0, ssl: {} }, 'listen has no option "ssl"'],
      [61_613, "listen takes an object"],
    ] as const) {
      expect(await failure(messaging.listen(options as never))).to.include(text);
    }
    const { port } = host.server.server.address() as AddressInfo;
    expect(await failure(messaging.listen({ port }))).to.match(/EADDRINUSE/);
  });
});

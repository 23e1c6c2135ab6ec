import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request as requestSecurely } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import SockJS from "sockjs-client";
import WebSocket from "ws";
import { freePorts } from "../../example/shared/broker-process.js";
import { CERTIFICATE, KEY } from "../support/certificate.js";
import { findCaddy, findHaProxy, findNginx, missing, tryAgain } from "../support/programs.js";
import { type ProxyProgram, startCaddy, startHaProxy, startNginx } from "../support/proxies.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const page = readFileSync("docs/deployment.md", "utf8");
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);
const [one = "", several = ""] = blocks("nginx");

describe("The nginx configurations of docs/deployment.md, with nginx", function () {
  // nginx is a program that starts.
  this.timeout(60_000);
  let nginx: ProxyProgram | undefined;
  let servers: TestServer[];
  let port: number;
  /** Where requests came from, as Express tells it. */
  let addresses: (string | undefined)[];

  /** Starts servers and nginx before them, with the configuration as it is printed but for its ports. */
  async function start(
    configuration: string,
    change = (text: string) => text,
    trust: string | false = "loopback",
  ) {
    [port] = (await freePorts(1)) as [number];
    for (const printed of ["127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082"]) {
      if (!configuration.includes(printed)) continue;
      const server = await startServer({}, (app) => {
        app.set("trust proxy", trust);
        app.use((req, _res, next) => {
          addresses.push(req.ip);
          next();
        });
      });
      servers.push(server);
      configuration = configuration.replace(printed, `127.0.0.1:${server.port}`);
    }
    const text = change(configuration.replace("listen 80;", `listen 127.0.0.1:${port};`));
    nginx = await startNginx(findNginx()!, text, port);
  }

  const pageAt = (scheme = "http") => ({ headers: { origin: `${scheme}://127.0.0.1:${port}` } });

  before(function () {
    tryAgain(this);
    if (findNginx() === undefined) missing(this, "nginx");
  });

  beforeEach(() => {
    servers = [];
    addresses = [];
  });

  afterEach(async () => {
    await nginx?.stop();
    nginx = undefined;
    for (const server of servers) await server.close();
  });

  it("let a page of the proxy's origin connect, and tell who the client is", async () => {
    await start(one);
    const client = await RawClient.connect(port, "", "/ws", { ...pageAt(), localAddress: "127.0.0.2" });
    expect(addresses).to.deep.equal(["127.0.0.2"]);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nhi^@");
    expect(await client.frame()).to.match(/\n\nhi\^@$/);
    client.cut();
  });

  for (const transport of ["xhr-streaming", "xhr-polling"]) {
    it(`carry SockJS by ${transport}, unbuffered`, async () => {
      await start(one);
      const client = new Client({
        reconnectDelay: 0,
        webSocketFactory: () =>
          new SockJS(`http://127.0.0.1:${port}/ws`, undefined, { transports: transport }),
      });
      const heard = new Promise<string>((resolve) => {
        client.onConnect = () => {
          client.subscribe("/topic/a", ({ body }) => resolve(body));
          client.publish({ destination: "/topic/a", body: "hi" });
        };
      });
      client.activate();
      expect(await heard).to.equal("hi");
      await client.deactivate();
    });
  }

  it("need the headers that the page says they need", async () => {
    const answer = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, pageAt());
      const [error] = (await once(socket, "error")) as [Error];
      return error.message;
    };
    await start(one, (text) => text.replace(/.*(Upgrade|Connection) \$.*\n/g, ""));
    expect(await answer()).to.include("426");
    await nginx?.stop();
    await start(one, (text) => text.replace("$http_host", "$host"));
    expect(await answer()).to.include("403");
    await nginx?.stop();
    await start(one, (text) => text.replace(/.*Host \$.*\n/, ""));
    expect(await answer()).to.include("403");
    await nginx?.stop();
    await start(one, (text) => text.replace(/.*X-Forwarded-For .*\n/, ""));
    addresses = [];
    const client = await RawClient.connect(port, "", "/ws", { ...pageAt(), localAddress: "127.0.0.2" });
    expect(addresses).to.deep.equal(["127.0.0.1"]);
    client.cut();
  });

  describe("with TLS", () => {
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "express-stomp-tls-"));
      await writeFile(join(folder, "cert.pem"), CERTIFICATE);
      await writeFile(join(folder, "key.pem"), KEY);
    });

    after(() => rm(folder, { recursive: true, force: true }));

    const secured = (text: string) =>
      text.replace(
        /listen (.*);/,
        `listen $1 ssl http2; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`,
      );

    it("let its page connect, if Express trusts the proxy", async () => {
      await start(one, secured);
      const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, {
        ...pageAt("https"),
        rejectUnauthorized: false,
      });
      await once(socket, "open");
      socket.terminate();
    });

    async function refusal(): Promise<string> {
      const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, {
        ...pageAt("https"),
        rejectUnauthorized: false,
      });
      const [error] = (await once(socket, "error")) as [Error];
      return error.message;
    }

    it("are 403 if it does not", async () => {
      await start(one, secured, false);
      expect(await refusal()).to.include("403");
      expect(servers[0]?.log.join("\n")).to.include("trust proxy");
    });

    it("are 403 without X-Forwarded-Proto", async () => {
      await start(one, (text) => secured(text).replace(/.*X-Forwarded-Proto .*\n/, ""));
      expect(await refusal()).to.include("403");
    });
  });

  it("send one client to one process: SockJS over HTTP works with several", async () => {
    await start(several);
    const client = new Client({
      reconnectDelay: 0,
      webSocketFactory: () =>
        new SockJS(`http://127.0.0.1:${port}/ws`, undefined, { transports: "xhr-polling" }),
    });
    await new Promise<void>((resolve) => {
      client.onConnect = () => resolve();
      client.activate();
    });
    expect(servers.map(({ messaging }) => messaging.stats().sessions).sort()).to.deep.equal([0, 1]);
    await client.deactivate();
  });
});

const OTHERS = [
  {
    name: "Caddy",
    find: findCaddy,
    start: (path: string, port: number, server: string) => {
      const [sites = ""] = blocks("caddyfile");
      return startCaddy(path, sites.replace("127.0.0.1:8080", server), port);
    },
  },
  {
    name: "HAProxy",
    find: findHaProxy,
    start: (path: string, port: number, server: string) => {
      const [text = ""] = blocks("haproxy");
      const configuration = (certificate: string) =>
        text
          .replace("bind :443", `bind 127.0.0.1:${port}`)
          .replace("/etc/haproxy/chat.pem", certificate)
          .replace("127.0.0.1:8080", server);
      return startHaProxy(path, configuration, `${CERTIFICATE}\n${KEY}\n`, port);
    },
  },
];

for (const { name, find, start } of OTHERS) {
  describe(`The ${name} configuration of docs/deployment.md, with ${name}`, function () {
    // It is a program that starts.
    this.timeout(60_000);
    let proxy: ProxyProgram | undefined;
    let server: TestServer;
    let port: number;
    const addresses: (string | undefined)[] = [];

    before(async function () {
      tryAgain(this);
      const path = find() ?? missing(this, name);
      server = await startServer({}, (app) => {
        app.set("trust proxy", "loopback");
        app.use((req, _res, next) => {
          addresses.push(req.ip);
          next();
        });
      });
      [port] = (await freePorts(1)) as [number];
      proxy = await start(path, port, `127.0.0.1:${server.port}`);
    });

    after(async () => {
      await proxy?.stop();
      await server?.close();
    });

    /** As a browser that has found chat.example here. */
    const browser = (origin: string) => ({
      headers: { host: "chat.example", origin },
      servername: "chat.example",
      localAddress: "127.0.0.2",
      rejectUnauthorized: false,
    });

    it("lets its page connect, and tells who the client is", async () => {
      const socket = new WebSocket(
        `wss://127.0.0.1:${port}/ws`,
        ["v12.stomp"],
        browser("https://chat.example"),
      );
      socket.on("open", () => socket.send("CONNECT\naccept-version:1.2\nhost:spec\n\n\0"));
      const [data] = (await once(socket, "message")) as [Buffer];
      expect(data.toString()).to.match(/^CONNECTED\n/);
      expect(addresses.at(-1)).to.equal("127.0.0.2");
      socket.terminate();
    });

    it("lets no other page connect", async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, browser("https://other.example"));
      const [error] = (await once(socket, "error")) as [Error];
      expect(error.message).to.include("403");
    });

    it("carries SockJS's streaming unbuffered", async () => {
      const options = {
        ...browser("https://chat.example"),
        method: "POST",
        host: "127.0.0.1",
        port,
        agent: false,
      };
      const request = requestSecurely({ ...options, path: "/ws/000/a/xhr_streaming" }).end();
      const [response] = (await once(request, "response")) as [IncomingMessage];
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      while (!text.endsWith("o\n")) await once(response, "data");
      const send = requestSecurely({ ...options, path: "/ws/000/a/xhr_send" });
      const answered = once(send, "response");
      send.end(JSON.stringify(["CONNECT\naccept-version:1.2\nhost:spec\n\n\0"]));
      while (!text.includes("CONNECTED")) await once(response, "data");
      await answered;
      request.destroy();
      send.destroy();
    });
  });
}

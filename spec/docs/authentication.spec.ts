import { expect } from "chai";
import type { Request, Response } from "express";
import {
  type ChannelInterceptor,
  type EndpointOptions,
  type HandshakeInterceptor,
  type Message,
  type StompMessagingOptions,
} from "express-stomp";
import { jwtVerify, SignJWT } from "jose";
import { missingExamples } from "../support/documented.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converse, handshakeText } from "../support/socket-host.js";

const secret = new TextEncoder().encode("a secret of thirty-two characters");

function cookieOf(req: Request, name: string): string {
  return new RegExp(`${name}=([^;]*)`).exec(req.headers.cookie ?? "")?.[1] ?? "";
}

const tenants = {
  find: async (host: string) => (host === "127.0.0.1" ? { id: 7 } : undefined),
};

const logged: string[] = [];
const log = (line: string) => void logged.push(line);

const endpoint: EndpointOptions = {
  path: "/ws",
  sockJS: true,
  user: async (req) => {
    const { payload } = await jwtVerify(cookieOf(req, "token"), secret);
    return { name: String(payload.sub) };
  },
};

class TenantInterceptor implements HandshakeInterceptor {
  async beforeHandshake(request: Request, response: Response, attributes: Map<string, unknown>) {
    const tenant = await tenants.find(request.hostname);
    if (!tenant) {
      response.status(404).send("No such tenant");
      return false;
    }
    attributes.set("tenant", tenant);
    return true;
  }

  afterHandshake(request: Request, _response: Response, error: Error | undefined) {
    log(`${request.hostname} ${error ? error.message : "connected"}`);
  }
}

describe("docs/authentication.md", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  async function start(options: Partial<StompMessagingOptions>) {
    server = await startServer(options, (app) => app.set("env", "test"));
  }

  async function connect(headers?: string, options?: { headers: Record<string, string> }) {
    const client = await RawClient.connect(server.port, headers, "/ws", options);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  it("shows what is tried here", async () => {
    await start({});
    expect(missingExamples("docs/authentication.md", "spec/docs/authentication.spec.ts")).to.deep.equal([]);
  });

  it("finds the user of a JWT in a cookie, and nobody gets in without", async () => {
    await start({ endpoints: [endpoint] });
    const connected = new Promise<string | undefined>((resolve) =>
      server.messaging.on("connected", ({ user }) => resolve(user?.name)),
    );
    const token = await new SignJWT({ sub: "rod" }).setProtectedHeader({ alg: "HS256" }).sign(secret);
    await connect("", { headers: { cookie: `token=${token}` } });
    expect(await connected).to.equal("rod");

    expect(await converse(server.port, handshakeText("/ws", { Cookie: "token=x" }))).to.match(
      /^HTTP\/1\.1 500 /,
    );
  });

  it("gives a session the attributes of its handshake, and refuses others in its own words", async () => {
    const attributes: unknown[] = [];
    const looking: ChannelInterceptor = {
      preSend(message: Message) {
        attributes.push(message.headers.sessionAttributes?.get("tenant"));
        return message;
      },
    };
    await start({
      endpoints: [{ path: "/ws", handshakeInterceptors: [new TenantInterceptor()] }],
      clientInboundChannel: { interceptors: [looking] },
    });

    await connect();
    expect(attributes).to.deep.equal([{ id: 7 }]);
    expect(await converse(server.port, handshakeText("/ws", { Host: "evil.example" }))).to.match(
      /^HTTP\/1\.1 404 [\s\S]*No such tenant$/,
    );
    expect(logged).to.deep.equal(["127.0.0.1 connected"]);
  });
});

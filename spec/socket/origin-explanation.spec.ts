import { expect } from "chai";
import express from "express";
import { explainOrigin } from "#lib/socket/origin-explanation.js";
import { SocketHost } from "../support/socket-host.js";
import { http } from "../support/sockjs-http.js";

/** What a newcomer did, and what he is told to do. */
describe("explainOrigin", () => {
  let host: SocketHost;
  let port: number;

  beforeEach(async () => {
    host = new SocketHost();
    host.app.use((req: express.Request, res: express.Response) => void res.send(explainOrigin(req)));
    port = await host.listen();
  });

  afterEach(() => host.close());

  async function explain(headers: Record<string, string>): Promise<string> {
    return (await http(port, "/", { headers })).text;
  }

  const TLS = { Origin: "https://chat.example", Host: "chat.example" };

  it("names the origin that came, the server's own, what decided it, and what would allow the page", async () => {
    const text = await explain({ Origin: "https://other.example", Host: "chat.example" });
    expect(text).to.equal(
      "The page's origin is https://other.example, the server's own is http://chat.example (by Host and no TLS). " +
        'To allow the page: allowedOrigins: ["https://other.example"].',
    );
  });

  it("tells to trust the proxy that ended TLS", async () => {
    const text = await explain({ ...TLS, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1" });
    expect(text).to.match(/A proxy at (::ffff:)?127\.0\.0\.1 sent X-Forwarded-Proto, X-Forwarded-For/);
    expect(text).to.contain('"trust proxy" does not trust it: app.set("trust proxy", …)');
  });

  it("tells to trust the proxy that tells the host", async () => {
    const text = await explain({
      ...TLS,
      Host: "10.0.0.1",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "chat.example",
    });
    expect(text).to.contain('"trust proxy" does not trust it');
  });

  it("tells a proxy that ends TLS to say so", async () => {
    expect(await explain(TLS)).to.contain("A proxy that ends TLS has to send X-Forwarded-Proto");
  });

  it("says what a trusted proxy decided", async () => {
    host.app.set("trust proxy", "loopback");
    const headers = {
      ...TLS,
      Origin: "https://other.example",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "chat.example",
    };
    const text = await explain(headers);
    expect(text).to.contain("https://chat.example (by X-Forwarded-Host and X-Forwarded-Proto)");
    expect(text).to.not.contain("trust proxy");
  });

  it("tells nginx to hand on the port", async () => {
    const text = await explain({ Origin: "http://chat.example:8443", Host: "chat.example" });
    expect(text).to.contain("proxy_set_header Host $http_host");
  });

  for (const [origin, own] of [
    ["http://localhost:5173", "localhost:8080"],
    ["http://127.0.0.1:8080", "localhost:8080"],
  ] as const) {
    it(`tells that ${origin} is not ${own}, and how a development server proxies`, async () => {
      expect(await explain({ Origin: origin, Host: own })).to.contain("changeOrigin: false");
    });
  }

  it("tells that a file has no origin", async () => {
    expect(await explain({ Origin: "null", Host: "chat.example" })).to.contain("A file or a sandboxed frame");
  });

  it("says when the request's Host says nothing", async () => {
    expect(await explain({ Origin: "https://chat.example", Host: "a b" })).to.contain(
      "no Host that can be read",
    );
  });
});

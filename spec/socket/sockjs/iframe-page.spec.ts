import { expect } from "chai";
import { SocketHost } from "../../support/socket-host.js";
import { http } from "../../support/sockjs-http.js";

describe("IframePage", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(async () => {
    await host.close();
  });

  it("loads the application's copy of the client, in pages of this server only", async () => {
    host.endpoint({ sockJS: { clientLibraryUrl: "/js/sockjs.js?v=1&w=2" } });
    const port = await host.listen();
    for (const name of ["iframe.html", "iframe-1.6.1.html", "iframe-a_b-2.html"]) {
      const page = await http(port, `/ws/${name}`);
      expect(page.status).to.equal(200);
      expect(page.text).to.contain('<script src="/js/sockjs.js?v=1&amp;w=2"></script>');
      expect(page.headers).to.include({
        "content-type": "text/html; charset=UTF-8",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "cache-control": "public, max-age=31536000",
      });
      expect(page.headers["content-security-policy"]).to.match(
        /script-src 'self' 'sha256-.*frame-ancestors 'self'/,
      );
    }
    expect((await http(port, "/ws/iframe.html", { method: "POST" })).status).to.equal(405);
    expect((await http(port, "/ws/iframeX.html")).status).to.equal(404);
    expect((await http(port, "/ws/iframe.htmlx")).status).to.equal(404);
  });

  it("is answered with 304 to who has it", async () => {
    host.endpoint({ sockJS: { clientLibraryUrl: "/js/sockjs.js" } });
    const port = await host.listen();
    const { headers } = await http(port, "/ws/iframe.html");
    const again = await http(port, "/ws/iframe.html", {
      headers: { "If-None-Match": headers.etag as string },
    });

    expect([again.status, again.text]).to.deep.equal([304, ""]);
    expect((await http(port, "/ws/iframe.html", { headers: { "If-None-Match": '"x"' } })).status).to.equal(
      200,
    );
  });

  it("allows the script of the one other origin that its URL names, which ends no attribute", async () => {
    host.endpoint({
      sockJS: { clientLibraryUrl: 'https://cdn.example/sockjs.js?"><script>alert(1)</script>' },
    });
    const { text, headers } = await http(await host.listen(), "/ws/iframe.html");
    expect(text).to.contain(
      ' src="https://cdn.example/sockjs.js?%22%3E%3Cscript%3Ealert(1)%3C/script%3E"></script>',
    );
    expect(headers["content-security-policy"]).to.contain("script-src https://cdn.example 'sha256-");
  });
});

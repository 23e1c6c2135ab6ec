import { once } from "node:events";
import { expect } from "chai";
import express from "express";
import { receivedText, SocketHost } from "../../support/socket-host.js";
import { http, post, stream } from "../../support/sockjs-http.js";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const HOSTILE = '</script><script>alert("1")</script><!--';

describe("The HTTP transports", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(async () => {
    await host.close();
  });

  describe("when only some of them are asked for", () => {
    const cases: [handlers: ("websocket" | "xhr" | "jsonp")[], statuses: Record<string, number>][] = [
      [
        ["xhr"],
        { xhr: 405, xhr_send: 405, xhr_streaming: 404, eventsource: 404, websocket: 404, jsonp_send: 404 },
      ],
      [["websocket"], { websocket: 400, xhr: 404, xhr_send: 404, xhr_streaming: 404 }],
      [["jsonp"], { jsonp_send: 405, jsonp: 500, xhr_send: 404, htmlfile: 404 }],
    ];
    for (const [transportHandlers, statuses] of cases) {
      it(`are served for ${transportHandlers}, with what sends for them`, async () => {
        host.endpoint({ sockJS: { transportHandlers } });
        const port = await host.listen();
        for (const [transport, status] of Object.entries(statuses)) {
          expect((await http(port, `/ws/000/s1/${transport}`)).status, transport).to.equal(status);
        }
        const info = JSON.parse((await http(port, "/ws/info")).text) as { websocket: boolean };
        expect(info.websocket).to.equal(transportHandlers.includes("websocket"));
      });
    }
  });

  it("answer 404 to a session that another one opened", async () => {
    host.endpoint({ sockJS: true });
    const port = await host.listen();
    await post(port, "/ws/000/s1/xhr");
    expect((await post(port, "/ws/000/s1/xhr_streaming")).status).to.equal(404);
    expect((await http(port, "/ws/000/s1/eventsource")).status).to.equal(404);
    expect((await post(port, "/ws/000/s1/xhr_send", '["x"]')).status).to.equal(204);
  });

  it("answer 404 to a session with a name that nobody would choose", async () => {
    host.endpoint({ sockJS: true });
    const port = await host.listen();
    expect((await post(port, `/ws/000/${"s".repeat(256)}/xhr`)).status).to.equal(200);
    expect((await post(port, `/ws/000/${"s".repeat(257)}/xhr`)).status).to.equal(404);
  });

  it("are kept whole by what stands between: no store, no sniffing, no buffering", async () => {
    host.endpoint({ sockJS: true });
    const port = await host.listen();
    const poll = await post(port, "/ws/000/s1/xhr");
    expect(poll.headers).to.include({
      "content-type": "application/javascript; charset=UTF-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store, no-cache, no-transform, must-revalidate, max-age=0",
    });
    const response = await stream(port, "/ws/000/s2/xhr_streaming", { method: "POST" });
    expect(response.res.headers).to.include({
      "content-type": "application/javascript; charset=UTF-8",
      "x-content-type-options": "nosniff",
      "x-accel-buffering": "no",
    });
    response.cut();
  });

  describe("when a client reads by eventsource", () => {
    it("escape what it decodes", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/eventsource");
      expect(await response.line()).to.equal("data: o");
      await post(port, "/ws/000/s1/xhr_send", '["100% %25 %0a"]');
      const line = await response.line();
      expect(line).to.equal('data: a["100%25 %2525 %250a"]');
      expect(decodeURI(line)).to.equal('data: a["100% %25 %0a"]');
      response.cut();
    });
  });

  for (const transport of ["jsonp", "htmlfile"] as const) {
    describe(`when a client names a callback for ${transport}`, () => {
      let port: number;

      beforeEach(async () => {
        host.endpoint({ sockJS: { transportHandlers: ["jsonp", "htmlfile"] } });
        port = await host.listen();
      });

      const refused: [query: string, text: string][] = [
        ["", '"callback" parameter required\n'],
        ["?c=", '"callback" parameter required\n'],
        ["?x=c=cb", '"callback" parameter required\n'],
        ["?c=alert(1)", 'invalid "callback" parameter\n'],
        ["?callback=a%3Bb", 'invalid "callback" parameter\n'],
        ["?c=a%0Ab", 'invalid "callback" parameter\n'],
        ["?c=%3Cscript%3E", 'invalid "callback" parameter\n'],
        ["?c=a-b", 'invalid "callback" parameter\n'],
        [`?c=${"a".repeat(33)}`, 'invalid "callback" parameter\n'],
      ];
      for (const [query, text] of refused) {
        it(`answer 500 to ${query || "none"}, as plain text`, async () => {
          const answer = await http(port, `/ws/000/s1/${transport}${query}`);
          expect([answer.status, answer.text]).to.deep.equal([500, text]);
          expect(answer.headers).to.include({
            "content-type": "text/plain; charset=UTF-8",
            "x-content-type-options": "nosniff",
          });
          expect(host.opened).to.deep.equal([]);
        });
      }

      for (const site of ["cross-site", "same-site"]) {
        it(`answer 403 to a page that the browser says is ${site}`, async () => {
          const headers = { "Sec-Fetch-Site": site };
          const answer = await http(port, `/ws/000/s1/${transport}?c=cb`, { headers });
          expect(answer.status).to.equal(403);
          expect(host.opened).to.deep.equal([]);
        });
      }

      it("are no file to be saved and opened, nor a page for other sites", async () => {
        const answer = await stream(port, `/ws/000/x;/${transport}?c=calc.bat`);
        expect(answer.res.statusCode).to.equal(200);
        expect(answer.res.headers).to.include({
          "x-content-type-options": "nosniff",
          "x-frame-options": "SAMEORIGIN",
          "content-disposition": 'inline; filename="f.txt"',
        });
        answer.cut();
        expect((await http(port, `/ws/000/s1/${transport};setup.bat?c=cb`)).status).to.equal(404);
        expect((await http(port, `/ws/000/s1/${transport}.bat?c=cb`)).status).to.equal(404);
      });
    });
  }

  describe("when a client polls by jsonp", () => {
    async function openJsonp(): Promise<number> {
      host.endpoint({ sockJS: { transportHandlers: ["jsonp"] } });
      const port = await host.listen();
      const answer = await http(port, "/ws/000/s1/jsonp?c=_jp.a1");
      expect(answer.text).to.equal('/**/_jp.a1("o");\r\n');
      expect(answer.headers["content-type"]).to.equal("application/javascript; charset=UTF-8");
      return port;
    }

    it("answer with calls that no message can leave", async () => {
      const port = await openJsonp();
      const { socket } = await host.nth(0);
      expect(socket.transport).to.equal("jsonp-polling");
      socket.send(Buffer.from(`${HOSTILE}\u2028");alert(1)//`), false);
      const { text } = await http(port, "/ws/000/s1/jsonp?callback=cb");

      expect(text).to.match(/^\/\*\*\/cb\("[^<>\u2028]*"\);\r\n$/);
      const frames: string[] = [];
      new Function("cb", text)((frame: string) => frames.push(frame));
      expect(frames.map((frame) => JSON.parse(frame.slice(1)))).to.deep.equal([
        [`${HOSTILE}\u2028");alert(1)//`],
      ]);
    });

    const bodies: [what: string, body: string, headers: Record<string, string>][] = [
      ["a form", `d=${encodeURIComponent('["한 글&=+%"]')}`, FORM],
      ["plain text", '["한 글&=+%"]', { "Content-Type": "text/plain" }],
    ];
    for (const [what, body, headers] of bodies) {
      it(`take messages as ${what}`, async () => {
        const port = await openJsonp();
        const answer = await post(port, "/ws/000/s1/jsonp_send?i=a1", body, { headers });
        expect([answer.status, answer.text]).to.deep.equal([200, "ok"]);
        expect(receivedText(await host.nth(0))).to.equal("한 글&=+%");
      });
    }

    it("take a form that express.urlencoded() has read", async () => {
      host.app.use(express.urlencoded({ extended: true }));
      const port = await openJsonp();
      const body = `d=${encodeURIComponent('["한 글"]')}`;
      expect((await post(port, "/ws/000/s1/jsonp_send", body, { headers: FORM })).text).to.equal("ok");
      expect(receivedText(await host.nth(0))).to.equal("한 글");
    });

    const wrong: [body: string, text: string][] = [
      ["", "Payload expected.\n"],
      ["d=", "Payload expected.\n"],
      ["x=1", "Payload expected.\n"],
      ["d=%5B", "Broken JSON encoding.\n"],
      ["d=%5B1%5D", "Broken JSON encoding.\n"],
    ];
    for (const [body, text] of wrong) {
      for (const parsed of [false, true]) {
        it(`answer 500 to the form "${body}"${parsed ? ", read by express.urlencoded()" : ""}`, async () => {
          if (parsed) host.app.use(express.urlencoded());
          const port = await openJsonp();
          const answer = await post(port, "/ws/000/s1/jsonp_send", body, { headers: FORM });
          expect([answer.status, answer.text]).to.deep.equal([500, text]);
          expect((await host.nth(0)).received).to.deep.equal([]);
        });
      }
    }

    it("answer 404 to a session that there is not, 403 to another origin's form", async () => {
      const port = await openJsonp();
      const send = (session: string, body: string, headers: Record<string, string>) =>
        post(port, `/ws/000/${session}/jsonp_send`, body, { headers: { ...FORM, ...headers } });
      expect((await send("s2", "d=%5B%5D", {})).status).to.equal(404);
      expect((await send("s1", 'd=["x"]', { Origin: "https://evil.com" })).status).to.equal(403);
      expect((await host.nth(0)).received).to.deep.equal([]);
    });

    it("take a form of any length", async () => {
      const port = await openJsonp();
      const texts = Array.from({ length: 300 }, (_, i) => `${i} 한 글&=+% `.repeat(100));
      const body = `d=${encodeURIComponent(JSON.stringify(texts))}&x=1`;
      expect((await post(port, "/ws/000/s1/jsonp_send", body, { headers: FORM })).text).to.equal("ok");
      expect(receivedText(await host.nth(0))).to.equal(texts.join(""));
    });
  });

  describe("when a client reads by htmlfile", () => {
    it("send a page of 1,024 bytes, then scripts that no message can end", async () => {
      host.endpoint({ sockJS: { transportHandlers: ["htmlfile"] } });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/htmlfile?c=_jp.a1");
      expect(response.res.headers["content-type"]).to.equal("text/html; charset=UTF-8");
      const chunks: string[] = [];
      response.res.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
      const { socket } = await host.nth(0);
      expect(socket.transport).to.equal("htmlfile");
      await post(port, "/ws/000/s1/xhr_send", JSON.stringify([HOSTILE]));
      while (!chunks.join("").includes("alert")) await once(response.res, "data");

      const text = chunks.join("");
      const page = text.slice(0, text.indexOf("\r\n\r\n"));
      expect(page).to.contain("parent._jp.a1;").and.to.have.length(1024);
      const scripts = text.slice(page.length + 4);
      const [open, message] = scripts.split("\r\n");
      expect(open).to.equal('<script>\np("o");\n</script>');
      expect(message).to.match(/^<script>\np\("[^<>]*"\);\n<\/script>$/);
      const frame: unknown = JSON.parse(
        (message ?? "").slice("<script>\np(".length, -");\n</script>".length),
      );
      expect(frame).to.equal(`a${JSON.stringify([HOSTILE])}`);
      response.cut();
    });
  });

  describe("when CORS is somebody else's", () => {
    it("say nothing about it, and refuse other origins all the same", async () => {
      host.endpoint({ sockJS: { suppressCors: true }, allowedOrigins: ["https://good.com"] });
      const port = await host.listen();
      const good = { Origin: "https://good.com", "Access-Control-Request-Headers": "content-type" };
      for (const [method, path, status] of [
        ["GET", "/ws/info", 200],
        ["OPTIONS", "/ws/info", 204],
        ["OPTIONS", "/ws/000/s1/xhr_send", 204],
        ["POST", "/ws/000/s1/xhr", 200],
      ] as const) {
        const answer = await http(port, path, { method, headers: good });
        expect(answer.status).to.equal(status);
        expect(
          Object.keys(answer.headers).filter((name) => /^(access-control|vary)/.test(name)),
        ).to.deep.equal([]);
        const evil = await http(port, path, { method, headers: { ...good, Origin: "https://evil.com" } });
        expect(evil.status).to.equal(403);
      }
    });
  });
});

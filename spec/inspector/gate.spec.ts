import { expect } from "chai";
import express from "express";
import { type InspectorOptions, inspector } from "express-stomp/inspector";
import { startServer } from "../support/server.js";
import { http } from "../support/sockjs-http.js";
import { InspectorStage } from "./stage.js";

describe("The inspector's gate", () => {
  let stage: InspectorStage;

  beforeEach(async () => {
    stage = await InspectorStage.open();
  });

  afterEach(() => stage.close());

  it("wants to be told who may look, and says what makes no sense", async () => {
    const make = (options: unknown) => () => inspector(stage.server.messaging, options as InspectorOptions);
    const allow = () => true;
    for (const forgotten of [undefined, {}, { allow }]) {
      expect(() => inspector(forgotten as never, { allow })).to.throw(
        "inspector takes what stompMessaging returned, and then its options",
      );
    }
    expect(make({})).to.throw("inspector needs allow: it shows who is connected");
    expect(make(undefined)).to.throw("inspector takes an object: it has allow, userOf");
    expect(make({ allow: ["look"] })).to.throw("inspector needs allow");
    expect(make({ allow, payloads: true })).to.throw('inspector has no option "payloads"');
    expect(make({ allow, userOf: "name" })).to.throw("inspector: userOf must be a function");
    expect(make({ allow, findUser: 1 })).to.throw("inspector: findUser must be a function");
    expect(make({ allow, unprotected: "yes" })).to.throw("unprotected must be true or false");
    expect(make({ allow, maskedHeaders: "x" })).to.throw("maskedHeaders must be an array of names");
    expect(make({ allow, taps: { limit: 0 } })).to.throw("taps.limit must be a whole number from 1");
    expect(make({ allow, taps: { size: 1 } })).to.throw('taps of inspector has no option "size"');
  });

  it("reads a body of those only who may look, and of its own page", async () => {
    for (const body of ["{", "x".repeat(300_000)]) {
      const refused = await stage.act("send", body, "sue:");
      expect([refused.status, refused.body.error]).to.deep.equal([
        403,
        "You may not look here: the application's allow says so.",
      ]);
      const foreign = await stage.act("send", body, undefined, { origin: "https://evil.example" });
      expect(foreign.status).to.equal(403);
    }
  });

  it("answers 403 with a sentence when no login stands in front, whatever allow says, for the page and each answer", async () => {
    const server = await startServer();
    server.app.use("/stomp", inspector(server.messaging, { allow: () => true }));
    for (const path of ["/stomp/", "/stomp/style.css", "/stomp/api/overview", "/stomp/api/tap?session=x"]) {
      const { status, text } = await http(server.port, path);
      expect(status, path).to.equal(403);
      expect(text).to.include("Mount the inspector behind the application's login");
    }
    server.app.use("/open", inspector(server.messaging, { allow: () => true, unprotected: true }));
    expect((await http(server.port, "/open/api/overview")).status).to.equal(200);
    server.app.use("/named", inspector(server.messaging, { allow: () => true, userOf: () => "sue" }));
    expect(JSON.parse((await http(server.port, "/named/api/overview")).text)).to.include({ by: "sue" });
    await server.close();
  });

  it("knows nobody by what is no name", async () => {
    const server = await startServer();
    for (const [at, given] of [null, "", 0, {}, Promise.resolve("sue")].entries()) {
      const userOf = (() => given) as unknown as () => string;
      server.app.use(`/stomp${at}`, inspector(server.messaging, { allow: () => true, userOf }));
      const { status, text } = await http(server.port, `/stomp${at}/api/overview`);
      expect(status, String(given)).to.equal(403);
      expect(text).to.include("Nobody is known who makes this request");
    }
    await server.close();
  });

  it("lets those look whom allow lets, and do no more than it says", async () => {
    for (const rights of ["", "send", "nonsense"]) {
      const { status, body } = await stage.ask("api/overview", `sue:${rights}`);
      expect(status).to.equal(403);
      expect(body).to.deep.equal({ error: "You may not look here: the application's allow says so." });
    }
    const { body, headers } = await stage.ask("api/overview", "sue:look,send,nonsense");
    expect(body).to.include({ by: "sue", status: "up", isBrokerAvailable: true });
    expect(body.allowed).to.deep.equal(["look", "send"]);
    expect(headers.get("cache-control")).to.equal("no-store");
  });

  it("passes on what allow throws to the application's error middleware", async () => {
    const server = await startServer();
    const failing = { allow: () => Promise.reject(new Error("the database is away")), unprotected: true };
    server.app.use("/stomp", inspector(server.messaging, failing));
    const told: unknown[] = [];
    const middleware: express.ErrorRequestHandler = (error, _req, res, _next) => {
      told.push(error.message);
      res.status(500).end();
    };
    server.app.use(middleware);
    expect((await http(server.port, "/stomp/api/overview")).status).to.equal(500);
    expect(told).to.deep.equal(["the database is away"]);
    await server.close();
  });

  it("answers pages of other origins nothing", async () => {
    const foreign = [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign as Record<string, string>[]) {
      const looked = await stage.ask("api/overview", "sue:look", headers);
      expect([looked.status, looked.body.error]).to.deep.equal([
        403,
        "This request comes from a page of another origin. Behind a proxy, Express's trust proxy has to be set for the own one to be known.",
      ]);
      const acted = await stage.act("send", { destination: "/topic/a", reason: "x" }, undefined, headers);
      expect(acted.status).to.equal(403);
    }
    const own = { origin: stage.origin, "sec-fetch-site": "same-origin" };
    expect((await stage.ask("api/overview", "sue:look", own)).status).to.equal(200);
    expect(stage.acts).to.deep.equal([]);
  });

  it("serves a page that loads and runs nothing but its own files, under a strict policy", async () => {
    const page = await stage.ask("");
    expect(page.status).to.equal(200);
    expect(page.headers.get("content-security-policy")).to.equal(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(page.headers.get("x-content-type-options")).to.equal("nosniff");
    const files = [...page.body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file]) => file as string);
    expect(files).to.deep.equal(["icon.svg", "style.css", "page/main.js"]);
    for (const file of files) {
      const { status, headers } = await stage.ask(file);
      expect(`${status} ${headers.get("content-type")?.split(";")[0]}`).to.match(
        /^200 (image\/svg\+xml|text\/css|text\/javascript)$/,
      );
    }
    for (const path of ["page/main.js.map", "page/../gate.js", "page/%2e%2e/gate.js", "index.js"]) {
      expect((await stage.ask(path)).status, path).to.equal(404);
    }
  });

  it("works below any mount: without its slash it leads there, with relative addresses", async () => {
    const answer = await fetch(`${stage.origin}/admin/stomp?lang=ko`, {
      headers: { "x-staff": "sue:look" },
      redirect: "manual",
    });
    stage.server.app.use(
      "/of\\:staff",
      inspector(stage.server.messaging, { allow: () => true, unprotected: true }),
    );
    const odd = await fetch(`${stage.origin}/of:staff`, { redirect: "manual" });
    expect(new URL(odd.headers.get("location") ?? "", odd.url).href).to.equal(`${stage.origin}/of:staff/`);
    expect([answer.status, answer.headers.get("location")]).to.deep.equal([302, "./stomp/?lang=ko"]);
  });

  it("speaks English and Korean, as the browser or the address asks", async () => {
    const languageOf = async (path: string, wanted?: string) => {
      const { body } = await stage.ask(path, "sue:look", wanted ? { "accept-language": wanted } : {});
      return /<html lang="(\w+)">/.exec(body)?.[1];
    };
    expect(await languageOf("")).to.equal("en");
    expect(await languageOf("", "ko-KR,ko;q=0.9,en;q=0.8")).to.equal("ko");
    expect(await languageOf("", "fr")).to.equal("en");
    expect(await languageOf("?lang=ko", "en")).to.equal("ko");
    expect(await languageOf("?lang=%3Cscript%3E", "en")).to.equal("en");
  });
});

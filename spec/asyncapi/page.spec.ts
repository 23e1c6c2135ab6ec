import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express from "express";
import {
  Controller,
  MessageMapping,
  messageSecurity,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { asyncApi, asyncApiPage } from "express-stomp/asyncapi";
import type { Browser } from "playwright-core";
import request from "supertest";
import { z } from "zod";
import { launchChromium } from "../support/chromium.js";

@Controller()
class Rooms {
  @MessageMapping("/room/{id}")
  @SendTo("/topic/room/{id}")
  say(@Payload(z.object({ text: z.string() })) message: { text: string }) {
    return message;
  }

  @MessageMapping("/admin/close")
  close() {}
}

const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  security: messageSecurity((messages) =>
    messages.simpDestMatchers("/app/admin/**").denyAll().anyMessage().authenticated(),
  ),
  controllers: [Rooms],
});
const api = asyncApi(messaging, { title: "Rooms of tea", version: "1.0.0", host: "localhost" });
const app = express();
app.use(
  "/docs/messaging",
  asyncApiPage(async ({ query, headers }) => {
    const user = query.user ?? /user=(\w+)/.exec(headers.cookie ?? "")?.[1];
    if (user === "ann") return api;
    return user === "rod" ? api.forUser({ name: "rod" }) : undefined;
  }),
  (_req, res) => void res.status(404).send("not of the page"),
);

describe("asyncApiPage", function () {
  this.timeout(120_000);

  it("gives no document to those who may see none", async () => {
    for (const path of ["/", "/asyncapi.json", "/page.js"]) {
      const { status, text } = await request(app).get(`/docs/messaging${path}`);
      expect([path, status, text]).to.deep.equal([path, 403, "You may not see this document.\n"]);
    }
  });

  it("gives each request the document that it may see, and lets nobody keep it", async () => {
    const paths = async (user: string) => {
      const { body, headers } = await request(app).get(`/docs/messaging/asyncapi.json?user=${user}`);
      expect(headers).to.include({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      return Object.keys(body.channels);
    };
    expect(await paths("ann")).to.deep.equal(["app.room.id", "topic.room.id", "app.admin.close"]);
    expect(await paths("rod")).to.deep.equal(["app.room.id", "topic.room.id"]);
  });

  it("adds the slash that what it loads is found by, and leaves other paths alone", async () => {
    const bare = await request(app).get("/docs/messaging?user=ann");
    expect([bare.status, bare.headers.location]).to.deep.equal([302, "/docs/messaging/"]);
    for (const path of ["/other", "/package.json", "/..%2fpackage.json", "/constructor"]) {
      expect((await request(app).get(`/docs/messaging${path}?user=ann`)).text).to.equal("not of the page");
    }
    expect((await request(app).post("/docs/messaging/?user=ann")).text).to.equal("not of the page");
  });

  it("gives a fault of the application to its error middleware", async () => {
    const failing = express()
      .set("env", "test")
      .use(asyncApiPage(() => Promise.reject(new Error("no database"))));
    expect((await request(failing).get("/asyncapi.json")).status).to.equal(500);
  });

  it("takes a function", () => {
    expect(() => asyncApiPage(api as never)).to.throw("asyncApiPage takes a function of the request");
  });

  describe("in a browser", () => {
    let server: Server;
    let browser: Browser | undefined;

    before(async function () {
      browser = await launchChromium(this);
      server = app.listen(0, "127.0.0.1");
    });

    after(async () => {
      await browser?.close();
      server?.close();
    });

    it("shows the document, and runs nothing that the policy forbids", async () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const page = await browser!.newPage();
      await page.context().addCookies([{ name: "user", value: "rod", url }]);
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") faults.push(message.text());
      });
      await page.goto(`${url}/docs/messaging/`);
      await page.waitForSelector("text=Rooms of tea");
      await page.waitForSelector('text="/app/room/{id}"');
      expect(await page.textContent("main")).to.not.include("admin");
      expect(faults).to.deep.equal([]);
    });
  });
});

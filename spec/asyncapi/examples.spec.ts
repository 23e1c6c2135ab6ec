import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { StompMessaging } from "express-stomp";
import { type AsyncApi, asyncApi } from "express-stomp/asyncapi";
import { createChat } from "../../example/chat/app.js";
import { chatApi } from "../../example/chat/asyncapi.js";
import { messaging as greeting } from "../../example/greeting/app.js";
import { createPortfolio } from "../../example/portfolio/app.js";
import { portfolioApi } from "../../example/portfolio/asyncapi.js";
import { diagnosticsOf } from "../support/asyncapi-parser.js";
import { recordingLogger } from "../support/recording.js";

const GOLDEN = join(import.meta.dirname, "../../../spec/asyncapi/golden");

/** Compares with what was looked at once; GOLDEN=write writes it anew. */
function checkGolden(name: string, api: AsyncApi): void {
  const file = join(GOLDEN, `${name}.json`);
  const text = `${JSON.stringify(api, null, 2)}\n`;
  if (process.env.GOLDEN === "write") writeFileSync(file, text);
  expect(JSON.parse(text)).to.deep.equal(JSON.parse(readFileSync(file, "utf8")));
}

describe("The AsyncAPI documents of the examples", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "asyncapi-"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  async function check(name: string, api: AsyncApi): Promise<void> {
    expect(await diagnosticsOf(api)).to.deep.equal([]);
    checkGolden(name, api);
  }

  const info = (title: string) => ({ title, version: "1.0.0", host: "localhost:8080" });

  it("of the greeting is what the parser accepts, and says what is not known", async () => {
    const api = asyncApi(greeting, info("Greetings"));
    await check("greeting", api);
    expect(api.warnings).to.deep.equal([
      "Nothing says what the payload is: send of /app/hello, message of /topic/greetings",
    ]);
  });

  it("of the chat is what the parser accepts, and lacks nothing: its schemas of valibot are described", async () => {
    const chat = await createChat({ databaseUrl: join(folder, "chat.db"), logger: recordingLogger() });
    const api = chatApi(chat.messaging);
    await check("chat", api);
    expect(api.warnings).to.deep.equal([]);
    await chat.close();
  });

  describe("of the portfolio", () => {
    let messaging: StompMessaging;
    let close: () => Promise<void>;

    before(async () => {
      const databaseUrl = join(folder, "portfolio.db");
      ({ messaging, close } = await createPortfolio({ databaseUrl, logger: recordingLogger() }));
    });

    after(() => close());

    it("is what the parser accepts, and lacks nothing", async () => {
      const api = portfolioApi(messaging);
      await check("portfolio", api);
      expect(api.warnings).to.deep.equal([]);
    });

    it("has for a user no rules, and for a stranger nothing", async () => {
      const api = portfolioApi(messaging);
      const user = await api.forUser({ name: "rod" });
      expect(await diagnosticsOf(user)).to.deep.equal([]);
      expect(Object.keys(user.document.operations)).to.deep.equal(Object.keys(api.document.operations));
      expect(JSON.stringify(user)).to.not.include("x-rules").and.to.not.include("x-authorization");

      const { document } = await api.forUser(undefined);
      expect(document).to.deep.include({ channels: {}, operations: {} });
    });
  });
});

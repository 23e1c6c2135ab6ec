import { expect } from "chai";
import { createPortfolio, type PortfolioServer } from "../../../example/portfolio/app.js";
import { newFile } from "../../support/databases.js";
import { RawClient } from "../../support/raw-client.js";
import { recordingLogger } from "../../support/recording.js";
import { PageVisitor } from "../shared/page-visitor.js";
import { csrfOf, Investor, logOut, passwordOf } from "./investor.js";

/** Prices stand still for so long. */
const NEVER = 3_600_000;

describe("a login of the portfolio", () => {
  let portfolio: PortfolioServer;
  let port: number;
  let origin: string;
  let clients: RawClient[];

  beforeEach(async () => {
    clients = [];
    const logger = recordingLogger();
    portfolio = await createPortfolio({ databaseUrl: await newFile(), quoteIntervalMs: NEVER, logger });
    port = await portfolio.listen(0, "127.0.0.1");
    origin = `http://127.0.0.1:${port}`;
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    await portfolio.close();
  });

  async function visitor() {
    const one = new PageVisitor(origin);
    await one.logIn("fabrice", passwordOf("fabrice"));
    return one;
  }

  async function connect(one: PageVisitor) {
    const investor = await Investor.connect(port, one.cookie());
    clients.push(investor.client);
    return investor;
  }

  it("of paulson, the administrator, opens the inspector, and no other does", async () => {
    const admin = new PageVisitor(origin);
    await admin.logIn("paulson", passwordOf("paulson"));
    await connect(admin);
    const { body } = await admin.get("/staff/inspector/api/sessions");
    expect(body.rows[0]).to.include({ user: "paulson", transport: "websocket" });
    expect((await (await visitor()).get("/staff/inspector/api/sessions")).status).to.equal(403);
    expect((await new PageVisitor(origin).get("/staff/inspector")).headers.location).to.equal("/login");
  });

  it("cuts its connections when it is over, and not those of the user's other logins", async () => {
    const [desk, phone] = [await visitor(), await visitor()];
    const [one, two, other] = [await connect(desk), await connect(desk), await connect(phone)];
    await logOut(desk);

    for (const { client } of [one, two]) {
      expect(await client.frame())
        .to.match(/^ERROR\n/)
        .and.include("message:You have logged out.\n");
      expect(await client.closed()).to.equal(1002);
    }
    expect(await other.ask("/app/positions")).to.include({ cash: 10_000_00 });
  });

  it("cuts its connections when somebody else logs in in its place", async () => {
    const desk = await visitor();
    const { client } = await connect(desk);
    const [, token] = /name="_csrf" value="([^"]+)"/.exec((await desk.get("/")).text) ?? [];
    await desk.postWithout("/login", { name: "paulson", password: passwordOf("paulson"), _csrf: token! });

    expect(await client.frame()).to.include("message:You have logged out.\n");
  });

  it("lets a handshake from before in no more once it is over", async () => {
    const desk = await visitor();
    const [token] = Object.entries(await csrfOf(`http://127.0.0.1:${port}`, desk.cookie()));
    const client = await RawClient.open(port, "/portfolio", { headers: { cookie: desk.cookie() } });
    clients.push(client);
    await logOut(desk);
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${token?.join(":")}\n\n^@`);

    expect(await client.frame())
      .to.match(/^ERROR\n/)
      .and.include("message:You have logged out.\n");
  });
});

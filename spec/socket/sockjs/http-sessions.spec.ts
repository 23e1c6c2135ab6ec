import { expect } from "chai";
import { closing, SocketHost } from "../../support/socket-host.js";
import { post } from "../../support/sockjs-http.js";

describe("HttpSessions", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
    host.app.use((req, _res, next) => {
      const name = req.get("x-user");
      Object.assign(req, { user: name === undefined ? undefined : { name } });
      next();
    });
  });

  afterEach(async () => {
    await host.close();
  });

  async function poll(port: number, session: string, user?: string): Promise<number> {
    const headers: Record<string, string> = user === undefined ? {} : { "x-user": user };
    return (await post(port, `/ws/000/${session}/xhr`, "", { headers })).status;
  }

  it("answer 503 to one too many, and serve those that are there", async () => {
    host.endpoint({ sockJS: { sessionLimit: 3 } });
    const port = await host.listen();
    expect([await poll(port, "s1"), await poll(port, "s2"), await poll(port, "s3")]).to.deep.equal([
      200, 200, 200,
    ]);
    expect(await poll(port, "s4")).to.equal(503);
    expect(host.opened).to.have.length(3);
    expect(host.limits).to.deep.equal(["sessionLimit"]);

    expect((await post(port, "/ws/000/s1/xhr_send", '["x"]')).status).to.equal(204);
    expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["x"]\n');
  });

  it("make room when nobody polls a session for disconnectDelay", async () => {
    host.endpoint({ sockJS: { sessionLimit: 1, disconnectDelay: 500 } });
    const port = await host.listen();
    await poll(port, "s1");
    expect(await poll(port, "s2")).to.equal(503);
    await closing(await host.nth(0));
    expect(await poll(port, "s2")).to.equal(200);
  });

  it("let one user, or strangers at one address, have so many, and others theirs", async () => {
    host.endpoint({ sockJS: { sessionLimitPerOwner: 2, disconnectDelay: 1_000 } });
    const port = await host.listen();
    expect([await poll(port, "a1", "ann"), await poll(port, "a2", "ann")]).to.deep.equal([200, 200]);
    expect(await poll(port, "a3", "ann")).to.equal(503);
    expect(await poll(port, "b1", "bob")).to.equal(200);
    expect([await poll(port, "s1"), await poll(port, "s2")]).to.deep.equal([200, 200]);
    expect(await poll(port, "s3")).to.equal(503);
    const elsewhere = { localAddress: "127.0.0.2" };
    expect((await post(port, "/ws/000/s3/xhr", "", elsewhere)).status).to.equal(200);

    expect(host.limits).to.deep.equal(["sessionLimitPerOwner ann", "sessionLimitPerOwner"]);

    await closing(await host.nth(0));
    await closing(await host.nth(1));
    expect([await poll(port, "a3", "ann"), await poll(port, "a4", "ann")]).to.deep.equal([200, 200]);
    expect(await poll(port, "a5", "ann")).to.equal(503);
  });
});

import { promisify } from "node:util";
import { expect } from "chai";
import type { SessionData } from "express-session";
import { type ChatDatabase, openDatabase } from "../../../example/chat/database.js";
import { LoginSessionStore } from "../../../example/shared/login-session-store.js";
import { onEachDatabase } from "../../support/databases.js";

describe("LoginSessionStore", () => {
  onEachDatabase((newDatabase) => {
    let database: ChatDatabase;
    let store: LoginSessionStore;
    let ended: string[];

    beforeEach(async () => {
      database = await openDatabase(await newDatabase());
      ended = [];
      store = new LoginSessionStore(database, (id) => ended.push(id));
    });

    afterEach(() => database.destroy());

    const get = (id: string) => promisify(store.get.bind(store))(id);
    const set = (id: string, session: SessionData) => promisify(store.set.bind(store))(id, session);
    const touch = (id: string, session: SessionData) => promisify(store.touch.bind(store))(id, session);
    const destroy = (id: string) => promisify(store.destroy.bind(store))(id);

    it("gives back what was set last", async () => {
      await set("a", sessionUntil(later(), "first"));
      await set("a", sessionUntil(later(), "second"));

      expect(await get("a")).to.include({ csrfToken: "second" });
    });

    it("has nothing under another id", async () => {
      await set("a", sessionUntil(later()));

      expect(await get("b")).to.equal(null);
    });

    it("has nothing after destroy", async () => {
      await set("a", sessionUntil(later()));
      await destroy("a");

      expect(await get("a")).to.equal(null);
    });

    it("has nothing after the session expired", async () => {
      await set("a", sessionUntil(earlier()));

      expect(await get("a")).to.equal(null);
    });

    it("lets a touched session live on, with the data as they were set", async () => {
      await set("a", sessionUntil(earlier(), "set"));
      await touch("a", sessionUntil(later(), "touched"));

      expect(await get("a")).to.include({ csrfToken: "set" });
    });

    it("sweeps out what has expired, and nothing else", async () => {
      await set("old", sessionUntil(earlier()));
      await set("new", sessionUntil(later()));
      await store.sweep();

      const left = await database.selectFrom("login_session").select("id").execute();
      expect(left).to.deep.equal([{ id: "new" }]);
    });

    it("tells which sessions are over, by destroy and by sweeping", async () => {
      await set("old", sessionUntil(earlier()));
      await set("new", sessionUntil(later()));
      await set("left", sessionUntil(later()));
      await destroy("left");
      await store.sweep();

      expect(ended).to.deep.equal(["left", "old"]);
      const live = await Promise.all(["old", "new", "left"].map((id) => store.has(id)));
      expect(live).to.deep.equal([false, true, false]);
    });

    it("has a session no more as soon as it has expired", async () => {
      await set("a", sessionUntil(earlier()));

      expect(await store.has("a")).to.equal(false);
    });

    it("hands the database's error on", async () => {
      await database.schema.dropTable("login_session").execute();

      expect(await get("a").catch((error: unknown) => error)).to.be.instanceOf(Error);
    });
  });
});

function sessionUntil(expires: Date, csrfToken = "token"): SessionData {
  return { cookie: { originalMaxAge: null, expires }, csrfToken } as SessionData;
}

const later = () => new Date(Date.now() + 60_000);
const earlier = () => new Date(Date.now() - 1);

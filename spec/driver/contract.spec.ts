import { expect } from "chai";
import type { Backplane, BackplaneLog } from "express-stomp";
import { rejection } from "../support/channels.js";
import { type Driver, KEPT, onEachDriver } from "../support/drivers.js";
import { Heard } from "../support/heard.js";

const text = (value: string) => Buffer.from(value);

describe("A driver of a backplane", function () {
  this.timeout(60_000);

  onEachDriver((start, { remembers, isOrdered, gathers, stalls }) => {
    let driver: Driver;
    let open: Backplane[];

    beforeEach(async () => {
      open = [];
      driver = await start();
    });

    afterEach(async () => {
      await Promise.all(open.map((backplane) => backplane.close()));
      await driver.close();
    });

    async function server(): Promise<{ backplane: Backplane; heard: Heard }> {
      const backplane = await driver.server();
      open.push(backplane);
      return { backplane, heard: await Heard.on(backplane) };
    }

    async function servers(count: number) {
      const all = [];
      for (let i = 0; i < count; i++) all.push(await server());
      return all;
    }

    it("is not available before it listens, and refuses until then", async () => {
      const backplane = await driver.server();
      open.push(backplane);
      expect(backplane.isAvailable).to.equal(false);
      expect(await rejection(backplane.publish(text("early")))).to.be.an("error");
      const heard = await Heard.on(backplane);
      expect(backplane.isAvailable).to.equal(true);
      expect(heard.told).to.deep.equal([true]);
    });

    it("lets all servers hear what one publishes, itself among them, in order", async () => {
      const [one, two, three] = await servers(3);
      const said = Array.from({ length: 50 }, (_, i) => `${i}`);
      await Promise.all(said.map((each) => one!.backplane.publish(text(each))));
      for (const { heard } of [one!, two!, three!]) {
        await heard.count(50);
        expect(heard.texts).to.deep.equal(said);
        expect(heard.gaps).to.deep.equal([]);
      }
    });

    it(`keeps ${isOrdered ? "one order for all" : "each server's order"} when all publish at once`, async () => {
      const all = await servers(3);
      // No more than a log keeps: a busy machine reads when all is there.
      const length = Math.floor(KEPT.least / 3);
      const said = all.flatMap(({ backplane }, server) =>
        Array.from({ length }, (_, i) => backplane.publish(text(`${server} ${i}`))),
      );
      await Promise.all(said);
      const orders = [];
      for (const { heard } of all) {
        await heard.count(3 * length);
        orders.push(heard.texts);
        for (let server = 0; server < 3; server++) {
          const own = heard.texts.filter((each) => each.startsWith(`${server} `));
          expect(own).to.deep.equal(Array.from({ length }, (_, i) => `${server} ${i}`));
        }
      }
      if (isOrdered) expect(new Set(orders.map(String)).size).to.equal(1);
    });

    if (gathers) {
      it("gives in one turn what was published in one go, so that clients are written to once", async () => {
        const [one, two] = await servers(2);
        const said = Array.from({ length: 5 }, (_, i) => `${i}`);
        await Promise.all(said.map((each) => one!.backplane.publish(text(each))));
        for (const { heard } of [one!, two!]) {
          await heard.count(5);
          expect(heard.texts).to.deep.equal(said);
          expect(heard.turns).to.deep.equal([5]);
        }
      });
    }

    it("does not touch bytes, and carries 1 MiB", async () => {
      const [one, two] = await servers(2);
      const bytes = [
        Uint8Array.from({ length: 256 }, (_, i) => i),
        Buffer.alloc(0),
        Buffer.alloc(1024 * 1024, "long"),
      ];
      for (const each of bytes) await one!.backplane.publish(each);
      await two!.heard.count(3);
      for (const [i, each] of bytes.entries())
        expect(Buffer.compare(two!.heard.entries[i]!.bytes, each)).to.equal(0);
    });

    it("lets a server that comes later hear nothing of before", async () => {
      const [one] = await servers(1);
      await one!.backplane.publish(text("before"));
      await one!.heard.count(1);
      const later = await server();
      await one!.backplane.publish(text("after"));
      await later.heard.count(1);
      expect(later.heard.texts).to.deep.equal(["after"]);
      expect(later.heard.gaps).to.deep.equal([]);
    });

    it("gives the next entry when the one before has been taken", async () => {
      const [one] = await servers(1);
      let go = () => {};
      one!.heard.gate = new Promise((resolve) => {
        go = resolve;
      });
      for (const each of ["a", "b", "c"]) await one!.backplane.publish(text(each));
      await one!.heard.count(1);
      const other = await server();
      await one!.backplane.publish(text("d"));
      await other.heard.count(1);
      expect(one!.heard.texts).to.deep.equal(["a"]);
      one!.heard.gate = undefined;
      go();
      await one!.heard.count(4);
      expect(one!.heard.texts).to.deep.equal(["a", "b", "c", "d"]);
    });

    it("passes on what others put there, for those who listen to judge", async () => {
      const [one] = await servers(1);
      await one!.backplane.publish(text("ours"));
      await driver.sayForeign(text("foreign"));
      await one!.backplane.publish(text("ours again"));
      await one!.heard.count(3);
      expect(one!.heard.texts).to.deep.equal(["ours", "foreign", "ours again"]);
      expect(one!.heard.gaps).to.deep.equal([]);
    });

    it("hears and publishes nothing any more when it is closed, and others go on", async () => {
      const [one, two] = await servers(2);
      const saying = one!.backplane.publish(text("last"));
      await Promise.all([saying, one!.backplane.close()]);
      expect(one!.backplane.isAvailable).to.equal(false);
      expect(one!.heard.told).to.deep.equal([true, false]);
      expect(await rejection(one!.backplane.publish(text("too late")))).to.be.an("error");
      await two!.backplane.publish(text("next"));
      await two!.heard.count(2);
      expect(two!.heard.texts).to.deep.equal(["last", "next"]);
      expect(one!.heard.texts).to.not.include("next");
    });

    it("is not there when it was closed before it could listen", async () => {
      const backplane = await driver.server();
      const heard = new Heard();
      const subscribing = rejection(backplane.subscribe(heard));
      await backplane.close();
      expect(((await subscribing) as Error).message).to.equal("The backplane was closed");
      expect(backplane.isAvailable).to.equal(false);
      expect(heard.told).to.deep.equal([]);
    });

    it("is closed though its connections go while a listener is taking", async () => {
      const { line } = driver;
      const [one] = await servers(1);
      let go = () => {};
      one!.heard.gate = new Promise((resolve) => {
        go = resolve;
      });
      await one!.backplane.publish(text("slow"));
      await one!.heard.count(1);
      const closing = one!.backplane.close();
      line?.refuse();
      line?.cut();
      await one!.heard.until(() => one!.heard.told.at(-1) === false);
      // The line is seen to be cut.
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      go();
      await closing;
      line?.refuse(false);
    });

    it("is away when its connections are cut, refuses meanwhile, and comes back", async () => {
      const { line } = driver;
      if (!line) return;
      const [one, two] = await servers(2);
      await one!.backplane.publish(text("before"));
      for (const { heard } of [one!, two!]) await heard.count(1);
      line.refuse();
      line.cut();
      for (const { heard } of [one!, two!]) await heard.until(() => heard.told.at(-1) === false);
      expect(await rejection(one!.backplane.publish(text("meanwhile")))).to.be.an("error");
      line.refuse(false);
      for (const { heard } of [one!, two!]) await heard.until(() => heard.told.at(-1) === true);
      await two!.backplane.publish(text("after"));
      for (const { heard } of [one!, two!]) {
        await heard.count(2);
        expect(heard.texts).to.deep.equal(["before", "after"]);
        expect(heard.gaps).to.deep.equal(remembers ? [] : [1]);
      }
    });

    if (stalls) {
      it("notices a line that stands still, and comes back when it moves", async () => {
        const { line } = driver;
        const [one] = await servers(1);
        line!.stall();
        const stuck = rejection(one!.backplane.publish(text("stuck")));
        await one!.heard.until(() => one!.heard.told.at(-1) === false);
        expect(await stuck).to.be.an("error");
        line!.resume();
        await one!.heard.until(() => one!.heard.told.at(-1) === true);
        await one!.backplane.publish(text("after"));
        await one!.heard.until(() => one!.heard.texts.includes("after"));
      });
    }

    if (!remembers) {
      it("has no log, and no positions", async () => {
        const [one] = await servers(1);
        expect(one!.backplane.log).to.equal(undefined);
        await one!.backplane.publish(text("a"));
        await one!.heard.count(1);
        expect(one!.heard.positions).to.deep.equal([""]);
      });
      return;
    }

    describe("with its log", () => {
      let one: { backplane: Backplane; heard: Heard };
      let log: BackplaneLog;

      beforeEach(async () => {
        one = await server();
        log = one.backplane.log!;
      });

      async function publish(...texts: string[]): Promise<void> {
        const before = one.heard.entries.length;
        for (const each of texts) await one.backplane.publish(text(each));
        await one.heard.count(before + texts.length);
      }

      const textsOf = (page: Awaited<ReturnType<BackplaneLog["since"]>>) =>
        page.entries.map(({ bytes }) => Buffer.from(bytes).toString());

      it("gives positions whose numbers grow, the same on all servers", async () => {
        const two = await server();
        await publish("a", "b", "c");
        await two.heard.count(3);
        expect(two.heard.positions).to.deep.equal(one.heard.positions);
        const parts = one.heard.positions.map((position) => /^([^\s:]{1,64})-([1-9]\d*)$/.exec(position)!);
        expect(new Set(parts.map(([, epoch]) => epoch)).size).to.equal(1);
        const numbers = parts.map(([, , number]) => Number(number));
        expect(numbers).to.deep.equal(numbers.toSorted((a, b) => a - b));
      });

      it("gives what stands behind a position, as many as one asks for", async () => {
        await publish("a", "b", "c", "d");
        const [first] = one.heard.positions;
        const page = await log.since(first!, 2);
        expect(textsOf(page)).to.deep.equal(["b", "c"]);
        expect(page.complete).to.equal(true);
        expect(page.entries.map(({ position }) => position)).to.deep.equal(one.heard.positions.slice(1, 3));
        const rest = await log.since(page.entries.at(-1)!.position, 10);
        expect(textsOf(rest)).to.deep.equal(["d"]);
        expect(await log.since(one.heard.positions.at(-1)!, 10)).to.deep.equal({
          entries: [],
          complete: true,
        });
      });

      it("gives all from the first on to somebody who has heard nothing", async () => {
        expect(await log.since("", 10)).to.deep.equal({ entries: [], complete: true });
        await publish("a", "b");
        const page = await log.since("", 10);
        expect([textsOf(page), page.complete]).to.deep.equal([["a", "b"], true]);
      });

      it("says that some are missing behind a position of another epoch, or of no entry yet", async () => {
        await publish("a", "b");
        const other = await log.since("another-1", 10);
        expect([textsOf(other), other.complete]).to.deep.equal([["a", "b"], false]);
        const [, epoch] = /^(.*)-\d+$/.exec(one.heard.positions[0]!)!;
        const future = await log.since(`${epoch}-900000`, 10);
        expect([textsOf(future), future.complete]).to.deep.equal([[], false]);
      });

      it("says that some are missing behind a position that is older than the log", async () => {
        const said = Array.from({ length: KEPT.most + 50 }, (_, i) => `${i}`);
        await publish(...said);
        for (const [position, complete] of [
          [one.heard.positions[0]!, false],
          ["", false],
          [one.heard.positions.at(-KEPT.least)!, true],
        ] as const) {
          const page = await log.since(position, 1000);
          expect(page.complete).to.equal(complete);
          const behind = textsOf(page);
          expect(said.join().includes(behind.join())).to.equal(true);
        }
      });

      it("lets a server that was away catch up, each entry once", async () => {
        const { line } = driver;
        if (!line) return;
        const away = await driver.server();
        open.push(away);
        // Its own line is cut; the other publishes on.
        const heard = await Heard.on(away);
        await publish("before");
        await heard.count(1);
        line.cut();
        await one.heard.until(() => one.heard.told.length >= 3);
        await publish("x", "y");
        await heard.count(3);
        expect(heard.texts).to.deep.equal(["before", "x", "y"]);
        expect(heard.gaps).to.deep.equal([]);
      });
    });
  });
});

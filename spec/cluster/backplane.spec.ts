import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { backplanePrimary, clusterBackplane } from "express-stomp/cluster";
import { rejection } from "../support/channels.js";
import { ClusterProcess } from "../support/cluster-process.js";
import { Heard } from "../support/heard.js";

describe("clusterBackplane", function () {
  this.timeout(60_000);

  for (const serialization of ["json", "advanced"] as const) {
    it(`has one order for all workers, by IPC that is ${serialization}`, async () => {
      const cluster = await ClusterProcess.of(3, serialization);
      try {
        const heard = await cluster.publish(300);
        const { texts } = heard[0]!;
        expect(new Set(texts).size).to.equal(900);
        for (const { pid, texts: each, gaps } of heard) {
          expect(each).to.deep.equal(texts);
          expect(gaps).to.deep.equal([]);
          const own = each.filter((text) => text.startsWith(`\u00e9 ${pid} `));
          expect(own).to.deep.equal(Array.from({ length: 300 }, (_, i) => `\u00e9 ${pid} ${i}`));
        }
      } finally {
        await cluster.kill();
      }
    });
  }

  it("goes on when a worker is killed, and takes its successor in", async () => {
    const cluster = await ClusterProcess.of(2);
    try {
      const { pid } = (await cluster.publish(10))[0]!;
      const successor = await cluster.replace(pid);
      const heard = await cluster.publish(10);
      expect(heard.map((each) => each.pid))
        .to.include(successor)
        .and.not.include(pid);
      for (const { texts } of heard) expect(texts).to.deep.equal(heard[0]!.texts).and.to.have.length(20);
    } finally {
      await cluster.kill();
    }
  });

  it("joins worker threads, and the thread that starts them", async () => {
    const primary = backplanePrimary();
    const own = primary.backplane("threads");
    const heard = await Heard.on(own);
    const program = new URL("../support/thread-program.js", import.meta.url);
    let published = 0;
    const threads = ["a", "b"].map((name) => {
      const thread = new Worker(program, { workerData: { count: 5, own: [`${name}1`, `${name}2`] } });
      primary.connect(thread);
      thread.on("message", (message: { readonly word?: { readonly kind: string } }) => {
        if (message.word?.kind === "publish") published++;
      });
      return thread;
    });
    try {
      await Promise.all(threads.map((thread) => until(thread, (message) => message === "ready")));
      await own.publish(Buffer.from("main"));
      const answers = threads.map((thread) =>
        until(thread, (message) => typeof message === "object" && "heard" in message!),
      );
      for (const thread of threads) thread.postMessage("go");
      const told = (await Promise.all(answers)) as { heard: string[] }[];
      await heard.count(5);
      expect(heard.texts.toSorted()).to.deep.equal(["a1", "a2", "b1", "b2", "main"]);
      for (const each of told) expect(each.heard).to.deep.equal(heard.texts);
      // What a thread publishes in one go is one word.
      expect(published).to.equal(2);
      // A thread is given the whole memory that bytes are in, and the log would keep it.
      for (const { bytes } of heard.entries) expect(bytes.buffer.byteLength).to.equal(bytes.length);
    } finally {
      await own.close();
      await Promise.all(threads.map((thread) => thread.terminate()));
      primary.close();
    }
  });

  it("gives a worker that is slow its share, and tells it what the log has kept no longer", async () => {
    const primary = backplanePrimary({ logLength: 300 });
    const [slow, fast] = [primary.backplane(), primary.backplane()];
    const [hears, other] = [await Heard.on(slow), await Heard.on(fast)];
    let go = () => {};
    hears.gate = new Promise((resolve) => {
      go = resolve;
    });
    for (let i = 0; i < 1000; i++) await fast.publish(Buffer.from(`${i}`));
    await other.count(1000);
    expect(other.gaps).to.deep.equal([]);
    hears.gate = undefined;
    go();
    await hears.until(() => hears.texts.at(-1) === "999");
    // It was given a window of 256, and then what the log still has.
    expect(hears.gaps).to.deep.equal([256]);
    expect(hears.texts).to.deep.equal(
      [...Array(256).keys(), ...Array.from({ length: 300 }, (_, i) => 700 + i)].map(String),
    );
    await Promise.all([slow.close(), fast.close()]);
    primary.close();
  });

  it("says at once where it cannot be", () => {
    if (process.send) return;
    expect(() => clusterBackplane()).to.throw("clusterBackplane() is for workers");
  });

  it("says that backplanePrimary() is missing when nobody serves it", async () => {
    const primary = backplanePrimary();
    const backplane = primary.backplane();
    primary.close();
    const error = await rejection(backplane.subscribe(new Heard()));
    expect(error.message).to.include("backplanePrimary()");
  });
});

async function until(thread: Worker, isIt: (message: unknown) => boolean): Promise<unknown> {
  for (;;) {
    const [message] = (await once(thread, "message")) as [unknown];
    if (isIt(message)) return message;
  }
}

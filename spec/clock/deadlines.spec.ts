import { expect } from "chai";
import { Deadlines } from "#lib/clock/deadlines.js";
import { FakeTime } from "../support/fake-time.js";

describe("Deadlines", () => {
  let time: FakeTime;
  let deadlines: Deadlines;
  let told: string[];
  beforeEach(() => {
    time = new FakeTime();
    deadlines = new Deadlines(time, 100);
    told = [];
  });

  function wait(name: string, promise: PromiseLike<unknown>) {
    const terms = {
      passed: () => new Error("missed"),
      late: (fault: unknown) => told.push(`${name}: ${fault} late`),
    };
    deadlines.bound(promise, terms).tell({
      fulfilled: (value) => told.push(`${name}: ${value}`),
      rejected: (fault) => told.push(`${name}: ${(fault as Error).message}`),
    });
  }

  const never = () => new Promise<never>(() => {});

  it("are over one after the other, by one timer", async () => {
    wait("a", never());
    time.pass(60);
    wait("b", never());
    expect(time.waiting).to.equal(1);
    time.pass(40);
    expect(told).to.deep.equal(["a: missed"]);
    time.pass(59);
    expect(told).to.deep.equal(["a: missed"]);
    time.pass(1);
    expect(told).to.deep.equal(["a: missed", "b: missed"]);
    expect(time.waiting).to.equal(0);
  });

  it("are over in time when one that is missed begins another", () => {
    const missed = { passed: () => new Error("missed"), late: () => {} };
    deadlines.bound(never(), missed).tell({
      fulfilled: () => {},
      rejected: () => wait("c", never()),
    });
    time.pass(60);
    wait("b", never());
    time.pass(40);
    time.pass(60);
    expect(told).to.deep.equal(["b: missed"]);
    time.pass(40);
    expect(told).to.deep.equal(["b: missed", "c: missed"]);
    expect(time.waiting).to.equal(0);
  });

  it("are left in any order, and the timer with the last", async () => {
    const [a, b, c] = [promiseOf<string>(), promiseOf<string>(), promiseOf<string>()];
    wait("a", a.promise);
    wait("b", b.promise);
    wait("c", c.promise);
    b.resolve("in time");
    a.reject(new Error("failed"));
    await Promise.allSettled([a.promise, b.promise]);
    expect(told).to.have.members(["b: in time", "a: failed"]);
    expect(time.waiting).to.equal(1);
    c.resolve("in time");
    await c.promise;
    expect(time.waiting).to.equal(0);
    time.pass(200);
    expect(told.length).to.equal(3);
  });

  it("tell a failure that comes too late, and forget a value", async () => {
    const [a, b] = [promiseOf<string>(), promiseOf<string>()];
    wait("a", a.promise);
    wait("b", b.promise);
    time.pass(100);
    a.reject("failed");
    b.resolve("value");
    await Promise.allSettled([a.promise, b.promise]);
    expect(told).to.deep.equal(["a: missed", "b: missed", "a: failed late"]);
  });

  it("take a thenable that throws for one that fails, and are awaited as a promise is", async () => {
    const thrower = {
      // biome-ignore lint/suspicious/noThenProperty: an interceptor may return anything
      then() {
        throw new Error("no promise");
      },
    };
    wait("a", thrower);
    const terms = { passed: () => new Error("missed"), late() {} };
    expect(await deadlines.bound(Promise.resolve(7), terms)).to.equal(7);
    expect(told).to.deep.equal(["a: no promise"]);
  });
});

function promiseOf<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (fault: unknown) => void = () => {};
  const promise = new Promise<T>((fulfil, fail) => {
    resolve = fulfil;
    reject = fail;
  });
  return { promise, resolve, reject };
}

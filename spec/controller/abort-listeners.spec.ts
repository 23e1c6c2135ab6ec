import { addAbortListener } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { MessageMapping } from "express-stomp";
import { withControllers } from "../support/controllers.js";
import { settled } from "../support/recording.js";

const PREFIX = "error Watching.watch: a listener of its AbortSignal failed";

/** Whatever an application does with the signal that its methods get. */
describe("A listener of a method's AbortSignal", () => {
  let listen: (signal: AbortSignal) => unknown;

  class Watching {
    @MessageMapping("/watch")
    watch(signal: AbortSignal) {
      listen(signal);
      return new Promise(() => {});
    }
  }

  /** What is logged when the signal aborts. */
  async function logged(watch: (signal: AbortSignal) => unknown): Promise<string[]> {
    listen = watch;
    const { send, log } = withControllers(new Watching(), { handlerTimeout: 5 });
    await Promise.resolve(send("/app/watch")).catch(() => {});
    await settled();
    return log.filter((line) => line.startsWith(PREFIX));
  }

  const careless: [what: string, listen: (signal: AbortSignal) => unknown, fault: string][] = [
    [
      "throws",
      (signal) =>
        signal.addEventListener("abort", () => {
          throw new Error("oh");
        }),
      "Error: oh",
    ],
    [
      "throws nothing that is an error",
      (signal) =>
        signal.addEventListener("abort", () => {
          throw null;
        }),
      "null",
    ],
    [
      "rejects",
      (signal) => {
        const rejects: () => unknown = () => Promise.reject(new Error("oh"));
        signal.addEventListener("abort", rejects);
      },
      "Error: oh",
    ],
    [
      "is an object and throws",
      (signal) =>
        signal.addEventListener("abort", {
          handleEvent() {
            throw new Error("oh");
          },
        }),
      "Error: oh",
    ],
    [
      "is onabort and throws",
      (signal) => {
        signal.onabort = () => {
          throw new Error("oh");
        };
      },
      "Error: oh",
    ],
    [
      "was added by node:events and throws",
      (signal) =>
        addAbortListener(signal, () => {
          throw new Error("oh");
        }),
      "Error: oh",
    ],
  ];
  for (const [what, watch, fault] of careless) {
    it(`that ${what} is logged, and ends nothing`, async () => {
      expect(await logged(watch)).to.deep.equal([`${PREFIX} ${fault}`]);
    });
  }

  it("does not keep the others from hearing", async () => {
    const heard: string[] = [];
    await logged((signal) => {
      signal.addEventListener("abort", () => {
        heard.push("first");
        throw new Error("oh");
      });
      signal.addEventListener("abort", function (this: AbortSignal) {
        heard.push(`second ${this === signal}`);
      });
    });
    expect(heard).to.deep.equal(["first", "second true"]);
  });

  it("counts once however often it is added, and can be removed", async () => {
    let heard = 0;
    const listener = () => void heard++;
    await logged((signal) => {
      for (let i = 0; i < 3; i++) signal.addEventListener("abort", listener, { once: true });
      signal.addEventListener("abort", gone);
      signal.removeEventListener("abort", gone);
    });
    expect(heard).to.equal(1);

    function gone() {
      heard += 10;
    }
  });

  it("may be whoever takes a signal", async () => {
    const seen: unknown[] = [];
    await logged((signal) => {
      void wait(60_000, undefined, { signal }).catch((error: Error) => seen.push(error.name));
      AbortSignal.any([signal]).addEventListener("abort", () => seen.push("any"));
    });
    expect(seen.sort()).to.deep.equal(["AbortError", "any"]);
  });
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect } from "chai";

const HELPER = new URL("../../../example/shared/close-at-signal.js", import.meta.url).href;

/** Is closed when its input ends. */
const PROGRAM = `
  import { text } from "node:stream/consumers";
  import { closeAtSignal } from "${HELPER}";
  closeAtSignal(async () => {
    console.log("closing");
    if (await text(process.stdin)) throw new Error("It cannot be closed");
    console.log("closed");
  });
  console.log("ready");
`;

describe("closeAtSignal", () => {
  let child: ChildProcess;

  afterEach(() => child.kill("SIGKILL"));

  /** Starts the program: what it says next, what it says after that, and how it exits. */
  async function start() {
    child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      stdio: ["pipe", "pipe", "pipe", "ipc"],
    });
    const output = child.stdout!.iterator({ destroyOnReturn: false });
    const next = async () => `${(await output.next()).value}`;
    expect(await next()).to.equal("ready\n");
    return { next, rest: () => text(output), errors: text(child.stderr!), exit: once(child, "exit") };
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`closes once, and lets the process end, however many signals come after ${signal}`, async () => {
      const { next, rest, exit } = await start();
      child.kill(signal);
      expect(await next()).to.equal("closing\n");
      for (const another of ["SIGINT", "SIGTERM", "SIGINT"] as const) child.kill(another);
      child.stdin!.end();

      expect(await rest()).to.equal("closed\n");
      expect(await exit).to.deep.equal([0, null]);
    });
  }

  it("closes when the process that started it is gone", async () => {
    const { rest, exit } = await start();
    child.disconnect();
    child.stdin!.end();

    expect(await rest()).to.equal("closing\nclosed\n");
    expect(await exit).to.deep.equal([0, null]);
  });

  it("lets the process fail, and says why, when it cannot be closed", async () => {
    const { errors, exit } = await start();
    child.kill("SIGTERM");
    child.stdin!.end("x");

    expect(await errors).to.include("It cannot be closed");
    expect(await exit).to.deep.equal([1, null]);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { BrokerProcess, brokerFolder, freePorts } from "../../../example/shared/broker-process.js";

/** As much of a broker as `BrokerProcess` asks for, in a process that its command starts. */
const BROKER = `
  const [, port] = process.argv;
  const answer = (socket) => socket.on("error", () => {}).write("CONNECTED\\n\\n\\0");
  require("node:net").createServer(answer).listen(port, "127.0.0.1");
`;

const STARTER = `
  import { BrokerProcess, brokerFolder } from ${JSON.stringify(import.meta.resolve("../../../example/shared/broker-process.js"))};
  const port = Number(process.argv[1]);
  const folder = brokerFolder("spec");
  const command = ["sh", "-c", '"$0" "$@" & wait', process.execPath, "-e", ${JSON.stringify(BROKER)}, String(port)];
  await BrokerProcess.start({ name: "Broker", port, folder, commands: [{ command }] });
  process.send(folder);
`;

describe("BrokerProcess", () => {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGKILL"] as const) {
    it(`leaves nothing behind when ${signal} ends who started it`, async () => {
      const [port] = (await freePorts(1)) as [number];
      const starter = spawn(process.execPath, ["--input-type=module", "-e", STARTER, String(port)], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      const [folder] = (await once(starter, "message")) as [string];
      const line = connect(port, "127.0.0.1").on("error", () => {});
      await once(line, "connect");
      expect(existsSync(folder)).to.equal(true);

      const ended = once(line.resume(), "close");
      starter.kill(signal);
      await ended;
      // The folder goes when the broker has gone, which its starter does not wait for.
      while (existsSync(folder)) await sleep(20);
    });
  }

  it("says what a program wrote that does not start, and removes its folder", async () => {
    const [port] = (await freePorts(1)) as [number];
    const folder = brokerFolder("spec");
    const command = ["sh", "-c", "echo no room; exit 1"] as const;
    const started = BrokerProcess.start({ name: "Broker", port, folder, commands: [{ command }] });
    const error = await started.then(() => undefined).catch((reason: Error) => reason);

    expect(error?.message).to.equal("Broker did not start: no room\n");
    expect(existsSync(folder)).to.equal(false);
  });
});

import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";

/**
 * Waits until a program that was started takes connections: it has no other way to tell.
 *
 * @throws Error when it ends before
 */
export async function untilListening(port: number, program: ChildProcess): Promise<void> {
  while (!(await takesConnections(port))) {
    if (program.exitCode !== null || program.signalCode !== null) throw new Error("The program has ended");
    await setTimeout(25);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (takes: boolean) => {
      socket.destroy();
      resolve(takes);
    };
    socket.on("connect", () => done(true)).on("error", () => done(false));
  });
}

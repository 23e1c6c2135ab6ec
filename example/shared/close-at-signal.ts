import cluster from "node:cluster";

const LOOK_MS = 500;

/**
 * Closes a program at SIGINT, at SIGTERM, or when the process that started it is gone. Once, however many signals
 * come: a terminal sends them to all its processes, and npm hands on what it gets.
 */
export function closeAtSignal(close: () => Promise<unknown>): void {
  let isClosing = false;
  async function end(): Promise<void> {
    if (isClosing) return;

    isClosing = true;
    try {
      await close();
    } catch (error) {
      console.error(error);
      process.exitCode = 1;
    }
    // The line to the process that started this one would keep it. A worker of node:cluster leaves by its own word: else Node
    // ends it at once, and the embedded database, which is put into one file as the process ends, stays in three.
    if (cluster.worker?.isConnected()) cluster.worker.disconnect();
    else if (process.connected) process.disconnect();
  }

  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.on(event, () => void end());
  // npm tells only the shell that it runs a script with, which goes without a word.
  if (process.env.npm_lifecycle_event === undefined) return;
  const { ppid } = process;
  const looking = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(looking);
    void end();
  }, LOOK_MS).unref();
}

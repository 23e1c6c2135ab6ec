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
    // The line to the process that started this one would keep it.
    if (process.connected) process.disconnect();
  }

  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.on(event, () => void end());
}

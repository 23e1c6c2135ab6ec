import type { Socket } from "node:net";

/**
 * Resets a connection. One whose end is under way is closed without a reset:
 * a socket that is reset in the turn in which it was ended fails with EINVAL,
 * is never closed, and Node 20 spins over it when the process is to end.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

import { Socket as TcpSocket } from "node:net";

/**
 * Whether a stream is node's own, for TCP or a Unix socket, and nobody has put
 * something of theirs before its writes. Such a stream hands all it is given to
 * libuv, which keeps order, whatever still waits there. TLS ends the process
 * when two writes overlap.
 */
export function isPlain(stream: TcpSocket): boolean {
  const { prototype } = TcpSocket;
  return (
    Object.getPrototypeOf(stream) === prototype &&
    stream.write === prototype.write &&
    stream._write === prototype._write
  );
}

import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers";
import { connectionReset, type LineFaults } from "./line-faults.js";

/** A line as it speaks of itself. */
export interface LineOptions {
  /** The client's address. */
  readonly address: string;
  /** Whether it passes for TLS. */
  readonly secure: boolean;
  readonly faults: LineFaults;
}

/** So many bytes are on their way, or have arrived and are not read, before a writer has to wait: as in a kernel. */
const ROOM = 64 * 1024;

/** Makes the two ends of a line in memory, each of which looks like a socket. */
export function inMemoryLine(options: LineOptions): { readonly client: LineEnd; readonly server: LineEnd } {
  const client = new LineEnd("client", options);
  const server = new LineEnd("server", options);
  client.join(server);
  return { client, server };
}

interface Chunk {
  /** `undefined` is the end. */
  readonly bytes: Buffer | undefined;
  readonly due: number;
}

/** One end of a line. Node's HTTP and ws take it for a socket; it ends when the other is destroyed. */
export class LineEnd extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: string;
  readonly localAddress: string;
  readonly localPort: number;
  /** As of a TLS socket: Express takes a request for one of HTTPS by it. */
  readonly encrypted: boolean;
  readonly connecting = false;
  bytesWritten = 0;
  bytesRead = 0;
  timeout = 0;
  readonly #toClient: boolean;
  readonly #faults: LineFaults;
  #other: LineEnd | undefined;
  /** The bytes that are on their way to the other end. */
  readonly #flight: Chunk[] = [];
  #flightSize = 0;
  #isPumping = false;
  /** The writer, which waits for room. */
  #written: (() => void) | undefined;
  #hasEnd = false;
  #isFull = false;
  #stopIdle: (() => void) | undefined;

  constructor(whose: "client" | "server", { address, secure, faults }: LineOptions) {
    // As Node's HTTP server has its sockets: an end that has ended may still be written to.
    super({ allowHalfOpen: true, readableHighWaterMark: ROOM, writableHighWaterMark: ROOM });
    const client = { address, port: 49_152 };
    const server = { address: "127.0.0.1", port: secure ? 443 : 80 };
    const [local, remote] = whose === "client" ? [client, server] : [server, client];
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.remoteFamily = remote.address.includes(":") ? "IPv6" : "IPv4";
    this.encrypted = secure;
    this.#toClient = whose === "server";
    this.#faults = faults;
    faults.add(this);
  }

  /** @internal */
  join(other: LineEnd): void {
    this.#other = other;
    other.#other = this;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += bytes.length;
    this.#flightSize += bytes.length;
    this.#send(bytes);
    if (this.#flightSize < ROOM) done();
    else this.#written = done;
  }

  override _read(): void {
    this.#isFull = false;
    this.#other?.pump();
  }

  override _final(done: () => void): void {
    this.#send(undefined);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stopIdle?.();
    if (error) {
      this.#flight.length = 0;
      this.#faults.remove(this);
      const other = this.#other;
      nextTurn(() => other?.destroy(connectionReset()));
    } else {
      // Bytes that were written before have left this end, and arrive.
      this.#send(undefined);
    }
    done(error);
  }

  /** Not in the turn of the write, as with any network. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    nextTurn(() => {
      this.#isPumping = false;
      this.#deliver();
    });
  }

  #send(bytes: Buffer | undefined): void {
    this.#flight.push({ bytes, due: this.#faults.due() });
    this.#active();
    this.pump();
  }

  #deliver(): void {
    const other = this.#other;
    while (other && this.#flight.length > 0 && !other.#isFull && !this.#faults.holds(this.#toClient)) {
      const { bytes, due } = this.#flight[0] as Chunk;
      const { timers } = this.#faults;
      if (due > 0 && due > timers.now()) {
        timers.after(due - timers.now(), () => this.pump());
        return;
      }
      this.#flight.shift();
      if (other.destroyed) {
        // The other end has hung up: it answers what comes with a reset.
        if (bytes && !this.destroyed) this.destroy(connectionReset());
        continue;
      }
      if (bytes) other.#arrived(bytes);
      else other.#ended();
      this.#flightSize -= bytes?.length ?? 0;
    }
    if (this.destroyed && this.#flight.length === 0) this.#faults.remove(this);
    if (this.#flightSize >= ROOM) return;
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }

  #arrived(bytes: Buffer): void {
    if (this.#hasEnd) return;
    this.bytesRead += bytes.length;
    this.#active();
    const { slice } = this.#faults;
    for (let at = 0; at < bytes.length; at += slice) {
      this.#isFull = !this.push(bytes.subarray(at, at + slice)) && this.readableLength >= ROOM;
    }
  }

  #ended(): void {
    if (this.#hasEnd) return;
    this.#hasEnd = true;
    this.push(null);
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** Emits `timeout` when nothing has passed for so many ms; 0 is never. */
  setTimeout(ms: number, callback?: () => void): this {
    this.timeout = ms;
    if (callback && ms > 0) this.once("timeout", callback);
    else if (callback) this.off("timeout", callback);
    this.#active();
    return this;
  }

  #active(): void {
    this.#stopIdle?.();
    this.#stopIdle = undefined;
    if (this.timeout > 0 && !this.destroyed) {
      this.#stopIdle = this.#faults.timers.after(this.timeout, () => this.emit("timeout"));
    }
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  address(): { readonly address: string; readonly port: number; readonly family: string } {
    return { address: this.localAddress, port: this.localPort, family: this.remoteFamily };
  }
}

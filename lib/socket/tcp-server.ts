import { once } from "node:events";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket as NodeSocket,
  type Server,
} from "node:net";
import {
  createServer as createTlsServer,
  type DetailedPeerCertificate,
  type Server as NodeTlsServer,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";
import type { Clock } from "../clock/clock.js";
import { ConfigurationError, faultError, HandlerTimeoutError, LimitExceededError, soon } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import type { Principal } from "../message/message.js";
import { isCount, isText, onlyKnown, wrongOption } from "../options/checks.js";
import { SparingLog } from "../sparing-log.js";
import type { Handshake, Socket } from "./socket.js";
import { StreamSocket } from "./stream-socket.js";

/** A client's line, before its first frame. */
export interface TcpConnection {
  /** The address of the line's other end. */
  readonly address: string;
  /** The client's certificate, if TLS has asked for one (`requestCert`) and found it valid (`ca`). */
  readonly certificate: DetailedPeerCertificate | undefined;
}

/**
 * Where clients connect without WebSocket.
 *
 * @example
 * ```ts
 * import { readFileSync } from "node:fs";
 * const [key, cert, ca] = ["server.key", "server.pem", "clients.pem"].map((file) => readFileSync(file));
 * const options: ListenOptions = {
 *   port: 61614,
 *   tls: { key, cert, ca, requestCert: true },
 *   user: ({ certificate }) => certificate && { name: String(certificate.subject.CN) },
 * };
 * ```
 */
export interface ListenOptions {
  /** The port, or 0 for a free one. STOMP's is 61613, over TLS 61614. */
  readonly port: number;
  /** The address to listen at; `0.0.0.0` or `::` is every one. @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** Key, certificate and the rest of `tls.createServer`. @default no TLS */
  readonly tls?: TlsOptions | undefined;
  /**
   * Finds the user who connects, or nobody, before the first frame; interceptors see CONNECT afterwards, as those of
   * WebSocket clients. If it throws or rejects, the client gets ERROR. @default nobody
   */
  readonly user?:
    | ((connection: TcpConnection) => Principal | undefined | null | Promise<Principal | undefined | null>)
    | undefined;
}

/** A port where clients connect without WebSocket. */
export interface StompTcpServer {
  readonly address: AddressInfo;
  /**
   * Takes another key and certificate, for connections from now on. Whatever else is not named stays as it was: `ca`
   * and `crl`, by which clients are known, and versions and ciphers.
   *
   * @throws ConfigurationError without TLS; what node's tls throws
   */
  renew(tls: TlsOptions): void;
  /** Listens no more; open sessions live on. `messaging.close` does it too. */
  close(): void;
}

export interface TcpServerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long TLS and the finding of a user may take, in ms. */
  readonly handshakeTimeout: number;
  /**
   * The limit that one more client from there would pass, announced; `undefined` when it may connect.
   *
   * @param waiting how many others are no sessions yet
   */
  limitPassedBy(address: string, waiting: number): string | undefined;
  /** Makes the ERROR frame of a fault. */
  errorFrame(error: Error): Uint8Array;
  open(socket: Socket, handshake: Handshake): void;
}

/** How long a client that was refused has to read why, in ms. */
const REFUSAL_TIME = 2_000;

/** So many may do that at once; beyond, lines are cut unheard. */
const REFUSALS = 1_000;

/** Listens for clients that speak STOMP straight over TCP or TLS: each becomes a session as those of WebSocket do. */
export class TcpServer implements StompTcpServer {
  readonly #options: ListenOptions;
  readonly #context: TcpServerContext;
  readonly #server: Server;
  readonly #log: SparingLog;
  /** Lines that wait for TLS or their user. */
  #waiting = 0;
  /** Clients that were refused, and may still read why. */
  readonly #refused = new Set<NodeSocket>();
  #address: AddressInfo | undefined;
  /** As they were renewed last. */
  #tls: TlsOptions | undefined;
  #isClosed = false;
  readonly #closed: () => void;

  /**
   * @param closed is called when it listens no more, and when it never could
   * @throws ConfigurationError when an option makes no sense; what node's tls throws of key and certificate
   */
  constructor(options: ListenOptions, context: TcpServerContext, closed: () => void) {
    checkOptions(options);
    const { clock, logger, handshakeTimeout } = context;
    this.#options = options;
    this.#tls = options.tls;
    this.#context = context;
    this.#closed = closed;
    this.#log = new SparingLog({ logger, clock, lines: 20, period: "hour" });
    this.#server = options.tls
      ? createTlsServer({ handshakeTimeout, ...options.tls })
          .on("connection", (line: NodeSocket) => this.#beginTls(line))
          .on("secureConnection", (line) => this.#endTls(() => this.#come(line, certificateOf(line))))
          .on("tlsClientError", (error, line) => this.#endTls(() => this.#failTls(line, error)))
      : createTcpServer((line) => this.#come(line, undefined));
    this.#server.on("error", (error) => {
      if (this.#address) logger.error(`${this.#name} has a fault`, error);
    });
  }

  /** @throws ConfigurationError before it listens */
  get address(): AddressInfo {
    if (this.#address) return this.#address;
    throw new ConfigurationError("The server has no address until it listens");
  }

  /** Where clients reach it now; `undefined` when they do not. */
  get listening(): (AddressInfo & { readonly tls: boolean }) | undefined {
    return this.#server.listening && this.#address
      ? { ...this.#address, tls: this.#tls !== undefined }
      : undefined;
  }

  /** Rejects as node's `listen` fails: the port is taken, or not allowed. */
  async listen(): Promise<this> {
    const { port, host = "127.0.0.1" } = this.#options;
    this.#server.listen({ port, host });
    try {
      await once(this.#server, "listening");
    } catch (error) {
      this.#closed();
      throw error;
    }
    this.#address = this.#server.address() as AddressInfo;
    if (this.#isClosed) this.#server.close();
    return this;
  }

  renew(tls: TlsOptions): void {
    if (!this.#tls) throw new ConfigurationError("renew is for a server with tls: this one has none");
    // Node forgets what it is not given anew: without `ca`, it would take client certificates of any public authority.
    const renewed = { ...this.#tls, ...(IDENTITY.some((part) => part in tls) && NO_IDENTITY), ...tls };
    (this.#server as NodeTlsServer).setSecureContext(renewed);
    this.#tls = renewed;
  }

  close(): void {
    this.#isClosed = true;
    // Its callback would wait for all lines, those of sessions too; the port is free at once.
    if (this.#server.listening) this.#server.close();
    for (const line of this.#refused) line.destroy();
    this.#closed();
  }

  get #name(): string {
    return `The STOMP server on port ${this.#address?.port ?? this.#options.port}`;
  }

  /** TLS costs more than all else that a stranger can ask for, so limits are looked at before it. */
  #beginTls(line: NodeSocket): void {
    if (this.#context.limitPassedBy(addressOfLine(line), this.#waiting++) !== undefined) line.destroy();
  }

  #endTls(next: () => void): void {
    this.#waiting--;
    next();
  }

  #come(line: NodeSocket, certificate: DetailedPeerCertificate | undefined): void {
    // A line that breaks before it is a session is nobody's fault.
    line.on("error", () => {});
    const address = addressOfLine(line);
    const limit = this.#context.limitPassedBy(address, this.#waiting);
    if (limit !== undefined) {
      this.#refuse(line, new LimitExceededError("Connection", limit, 0, "Too many connections", soon()));
      return;
    }
    const { user } = this.#options;
    if (user === undefined) this.#open(line, { address, user: undefined });
    else void this.#identify(line, { address, certificate }, user);
  }

  async #identify(line: NodeSocket, connection: TcpConnection, find: FindUser): Promise<void> {
    this.#waiting++;
    try {
      const user = await this.#inTime(async () => named(await find(connection)));
      if (line.destroyed) return;
      this.#open(line, { address: connection.address, user });
    } catch (fault) {
      const error = faultError(fault);
      this.#warn("user", error);
      this.#refuse(line, error);
    } finally {
      this.#waiting--;
    }
  }

  #open(line: NodeSocket, { address, user }: Pick<Handshake, "address" | "user">): void {
    if (this.#isClosed) {
      line.destroy();
      return;
    }
    const { clock, open } = this.#context;
    const socket = new StreamSocket(line, this.#options.tls ? "tls" : "tcp", clock);
    open(socket, { address, isPage: false, user });
  }

  /** Gives what comes in time, or rejects. */
  async #inTime<T>(find: () => Promise<T>): Promise<T> {
    const { clock, handshakeTimeout } = this.#context;
    let stop = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      const text = `The user was not found within handshakeTimeout: ${handshakeTimeout} ms`;
      stop = clock.after(handshakeTimeout, () => reject(new HandlerTimeoutError(text)));
    });
    try {
      return await Promise.race([find(), late]);
    } finally {
      stop();
    }
  }

  /** Tells the client why, and ends the line. */
  #refuse(line: NodeSocket, error: Error): void {
    if (this.#refused.size >= REFUSALS) {
      line.destroy();
      return;
    }
    const { clock, errorFrame } = this.#context;
    this.#refused.add(line);
    const stop = clock.after(REFUSAL_TIME, () => line.destroy());
    line.once("close", () => {
      stop();
      this.#refused.delete(line);
    });
    line.end(errorFrame(error));
    // Unread, the client's CONNECT would reset the line before ERROR is read.
    line.resume();
  }

  /** Node leaves the line as it is. */
  #failTls(line: NodeSocket, error: Error): void {
    line.destroy();
    this.#warn("TLS handshake", error);
  }

  #warn(what: string, { message }: Error): void {
    this.#log.warn(`${this.#name}: a client's ${what} failed: ${printable(message)}`, what);
  }
}

/** The parts of a server's own certificate: they are renewed together. */
const NO_IDENTITY = { key: undefined, cert: undefined, pfx: undefined, passphrase: undefined };
const IDENTITY = Object.keys(NO_IDENTITY);

type FindUser = NonNullable<ListenOptions["user"]>;

function addressOfLine({ remoteAddress = "" }: NodeSocket): string {
  return remoteAddress;
}

/** The certificate, if an authority of `ca` has vouched for it: any client can show one that it made itself. */
function certificateOf(line: TLSSocket): DetailedPeerCertificate | undefined {
  return line.authorized ? line.getPeerCertificate(true) : undefined;
}

function named(user: Principal | undefined | null): Principal | undefined {
  if (user === undefined || user === null) return undefined;
  if (typeof user === "object" && isText(user.name)) return user;
  throw new ConfigurationError("listen's option user returned a user without a name.");
}

/** @throws ConfigurationError when an option makes no sense */
function checkOptions(options: ListenOptions): void {
  onlyKnown("listen", options, ["port", "host", "tls", "user"]);
  const { port, host, tls, user } = options;
  if (port !== 0 && !isCount(port, 65_535)) throw wrong("port", "a whole number from 0 to 65,535", port);
  if (host !== undefined && !isText(host)) throw wrong("host", "an address to listen at", host);
  if (tls !== undefined && (typeof tls !== "object" || tls === null)) {
    throw wrong("tls", "the options of node's tls.createServer", tls);
  }
  if (user !== undefined && typeof user !== "function") {
    throw wrong("user", "a function that finds the user of a connection", user);
  }
}

function wrong(option: string, wanted: string, given: unknown): ConfigurationError {
  return wrongOption("listen", option, wanted, given);
}

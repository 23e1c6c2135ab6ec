import type { ListenerDescription } from "../description.js";
import { ConfigurationError } from "../errors.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { errorReply } from "../session/error-reply.js";
import type { SessionRegistry } from "../session/session-registry.js";
import {
  type ListenOptions,
  type StompTcpServer,
  TcpServer,
  type TcpServerContext,
} from "../socket/tcp-server.js";
import { encode } from "../stomp/encoder.js";

/** The ports where clients connect without WebSocket, whose connections become sessions. */
export class TcpServers {
  readonly #context: TcpServerContext;
  readonly #servers = new Set<TcpServer>();
  #isClosed = false;

  constructor({ transport, clock, logger, errorHandler }: ResolvedOptions, sessions: SessionRegistry) {
    const reply = { receiptId: undefined, message: undefined, errorHandler, logger };
    this.#context = {
      clock,
      logger,
      handshakeTimeout: transport.handshakeTimeout,
      limitPassedBy: (address, waiting) => sessions.limitPassedBy(address, waiting),
      errorFrame: (error) => encode({ command: "ERROR", ...errorReply(error, reply) }, "1.2"),
      open: (socket, handshake) => sessions.open(socket, handshake),
    };
  }

  async listen(options: ListenOptions): Promise<StompTcpServer> {
    if (this.#isClosed) throw new ConfigurationError("messaging was closed: it listens no more");
    const server = new TcpServer(options, this.#context, () => this.#servers.delete(server));
    this.#servers.add(server);
    return server.listen();
  }

  /** Where clients reach this process now. */
  get listening(): ListenerDescription[] {
    return [...this.#servers].flatMap(({ listening }) => {
      if (!listening) return [];
      const { address, port, tls } = listening;
      return { address, port, tls };
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const server of this.#servers) server.close();
  }
}

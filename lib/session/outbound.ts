import { MessagingError } from "../errors.js";
import { printable } from "../logger.js";
import type { Message } from "../message/message.js";
import { NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Socket } from "../socket/socket.js";
import type { ServerCommand } from "../stomp/command.js";
import { encode } from "../stomp/encoder.js";
import type { StompVersion } from "../stomp/version.js";
import { SUPPORTED_VERSIONS } from "../stomp/version.js";
import type { MessageEncoder } from "./message-encoder.js";

/** Writes one session's frames: the only place that makes CONNECTED, RECEIPT and ERROR. */
export class Outbound {
  /** Told by the session once it is agreed; ERROR before that is written as 1.2. */
  version: StompVersion = "1.2";
  readonly #socket: Socket;
  readonly #encoder: MessageEncoder;

  constructor(socket: Socket, encoder: MessageEncoder) {
    this.#socket = socket;
    this.#encoder = encoder;
  }

  /** Bytes that the client has not yet taken. */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  connected(sessionId: string, userName: string | undefined, heartbeat: readonly [number, number]): void {
    const headers = {
      version: this.version,
      "heart-beat": heartbeat.join(","),
      server: "express-stomp",
      session: sessionId,
      // CONNECTED knows no escapes (STOMP 1.2, Value Encoding): a name with line breaks cannot be said.
      "user-name": userName !== undefined && /[\r\n\0]/.test(userName) ? undefined : userName,
    };
    this.#send("CONNECTED", headers);
  }

  message(message: Message): void {
    const encoded = this.#encoder.encode(message, this.version);
    if (this.#socket.sendShared) this.#socket.sendShared(encoded);
    else this.#socket.send(encoded.bytes, encoded.binary);
  }

  receipt(receiptId: string): void {
    this.#send("RECEIPT", { "receipt-id": receiptId });
  }

  /** Tells the client what is public about an error, and nothing else of it. */
  error(error: unknown, receiptId: string | undefined): void {
    const text = error instanceof MessagingError ? error.publicMessage : undefined;
    this.#send("ERROR", {
      message: printable(text ?? "The frame could not be processed"),
      version:
        error instanceof MessagingError && error.code === "STOMP_VERSION"
          ? SUPPORTED_VERSIONS.join(",")
          : undefined,
      "receipt-id": receiptId,
    });
  }

  #send(command: ServerCommand, headers: Record<string, string | undefined>): void {
    this.#socket.send(
      encode({ command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD }, this.version),
      false,
    );
  }
}

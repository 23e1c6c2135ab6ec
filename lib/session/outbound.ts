import { isUtf8 } from "node:buffer";
import type { Message } from "../message/message.js";
import { NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Socket } from "../socket/socket.js";
import type { ServerCommand } from "../stomp/command.js";
import { encode } from "../stomp/encoder.js";
import type { Frame } from "../stomp/frame.js";
import type { StompVersion } from "../stomp/version.js";
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
    const { bytes, binary } = this.#encoder.encode(message, this.version);
    this.#socket.send(bytes, binary);
  }

  receipt(receiptId: string): void {
    this.#send("RECEIPT", { "receipt-id": receiptId });
  }

  error({ headers, body }: Omit<Frame, "command">): void {
    this.#socket.send(encode({ command: "ERROR", headers, body }, this.version), !isUtf8(body));
  }

  #send(command: ServerCommand, headers: Record<string, string | undefined>): void {
    this.#socket.send(
      encode({ command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD }, this.version),
      false,
    );
  }
}

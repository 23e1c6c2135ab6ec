import type { NativeHeaders } from "../message/native-headers.js";
import type { StompCommand } from "./command.js";

/** Command, headers and body on the STOMP wire. Header texts are unescaped. */
export interface Frame {
  readonly command: StompCommand;
  readonly headers: NativeHeaders;
  readonly body: Uint8Array;
}

/** Commands that clients send. */
export type ClientCommand =
  | "CONNECT"
  | "STOMP"
  | "SEND"
  | "SUBSCRIBE"
  | "UNSUBSCRIBE"
  | "ACK"
  | "NACK"
  | "BEGIN"
  | "COMMIT"
  | "ABORT"
  | "DISCONNECT";

/** Commands that servers send. */
export type ServerCommand = "CONNECTED" | "MESSAGE" | "RECEIPT" | "ERROR";

export type StompCommand = ClientCommand | ServerCommand;

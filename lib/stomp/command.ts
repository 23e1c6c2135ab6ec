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

export type StompSide = "client" | "server";

/** The rules of STOMP 1.2 for one command. */
export interface CommandRule {
  readonly command: StompCommand;
  /** The side that may send it. */
  readonly from: StompSide;
  /** SEND, MESSAGE and ERROR only. */
  readonly body: boolean;
  /** Not CONNECT, STOMP and CONNECTED, which STOMP 1.0 must be able to read. */
  readonly escaped: boolean;
}

/** The rules of every command, by its name. */
export const COMMANDS: ReadonlyMap<string, CommandRule> = new Map(
  [
    rule("CONNECT", "client", { escaped: false }),
    rule("STOMP", "client", { escaped: false }),
    rule("SEND", "client", { body: true }),
    rule("SUBSCRIBE", "client"),
    rule("UNSUBSCRIBE", "client"),
    rule("ACK", "client"),
    rule("NACK", "client"),
    rule("BEGIN", "client"),
    rule("COMMIT", "client"),
    rule("ABORT", "client"),
    rule("DISCONNECT", "client"),
    rule("CONNECTED", "server", { escaped: false }),
    rule("MESSAGE", "server", { body: true }),
    rule("RECEIPT", "server"),
    rule("ERROR", "server", { body: true }),
  ].map((each) => [each.command, each]),
);

function rule(command: ClientCommand, from: "client", traits?: Partial<CommandRule>): CommandRule;
function rule(command: ServerCommand, from: "server", traits?: Partial<CommandRule>): CommandRule;
function rule(command: StompCommand, from: StompSide, traits: Partial<CommandRule> = {}): CommandRule {
  return { command, from, body: false, escaped: true, ...traits };
}

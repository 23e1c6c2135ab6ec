import { StompConversionError } from "../../errors.js";
import { NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import type { Frame } from "../../stomp/frame.js";
import { type AgreedHeartBeat, agreeHeartBeat, parseHeartBeat } from "../../stomp/heart-beat.js";
import type { StompVersion } from "../../stomp/version.js";
import type { RelaySettings } from "../relay-settings.js";

export interface BrokerHandshakeOptions {
  readonly settings: RelaySettings;
  /** Those that may be spoken, lowest first. */
  readonly versions: readonly [StompVersion, ...StompVersion[]];
  /** Of CONNECT; version and heart-beat are added. */
  readonly headers: NativeHeaders;
}

/** Gives the CONNECT that opens a connection. */
export function connectFrame({ settings, versions, headers }: BrokerHandshakeOptions): Frame {
  return {
    command: "CONNECT",
    headers: NativeHeaders.of([
      ["accept-version", versions.join(",")],
      ["heart-beat", offer(settings).join(",")],
      ...headers,
    ]),
    body: NO_PAYLOAD,
  };
}

/**
 * Gives what a broker's CONNECTED makes of the connection.
 *
 * @throws StompConversionError when it is none, or makes no sense; with the code `STOMP_VERSION` in a wrong version
 */
export function agreement(
  frame: Frame,
  { settings, versions }: BrokerHandshakeOptions,
): { readonly version: StompVersion; readonly heartBeat: AgreedHeartBeat } {
  if (frame.command !== "CONNECTED") throw new StompConversionError(`${frame.command} is no CONNECTED`);

  const version = versionOf(frame);
  if (!versions.includes(version)) {
    throw new StompConversionError(`The broker does not speak STOMP ${versions.join(" or ")}`, {
      code: "STOMP_VERSION",
    });
  }
  const theirs = parseHeartBeat(frame.headers.get("heart-beat"));
  return { version, heartBeat: agreeHeartBeat(theirs, offer(settings)) };
}

/** A broker that names none speaks 1.0; one that nobody asked for is found out by what it is. */
export function versionOf({ headers }: Frame): StompVersion {
  return (headers.get("version") ?? "1.0") as StompVersion;
}

function offer(settings: RelaySettings): readonly [send: number, receive: number] {
  return [settings.systemHeartbeatSendInterval, settings.systemHeartbeatReceiveInterval];
}

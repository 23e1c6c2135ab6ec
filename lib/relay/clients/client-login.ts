import { BrokerNotAvailableError, MessageDeliveryError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { NativeHeaders } from "../../message/native-headers.js";
import type { BrokerConnection } from "../line/broker-connection.js";
import type { RelaySettings } from "../relay-settings.js";
import { judgeHeaders } from "./header-policy.js";

/** Gives the headers of the CONNECT that lets a client into the broker, by what its own says. */
export function clientConnectHeaders(native: NativeHeaders, settings: RelaySettings): NativeHeaders {
  const { clientLogin, clientPasscode, passClientLogin, passQueueHeaders, virtualHost } = settings;
  return NativeHeaders.of([
    ["login", passClientLogin ? native.get("login") : clientLogin],
    ["passcode", passClientLogin ? native.get("passcode") : clientPasscode],
    ["host", virtualHost],
    ...judgeHeaders("CONNECT", native, passQueueHeaders).native,
  ]);
}

/**
 * Opens a connection for a client.
 *
 * @throws what the client may be told: what a broker says of a login that is not the client's own is only logged
 */
export async function connectForClient(
  connection: BrokerConnection,
  { settings, logger }: { readonly settings: RelaySettings; readonly logger: Logger },
): Promise<void> {
  try {
    await connection.connect();
  } catch (error) {
    const isBrokers = error instanceof MessageDeliveryError && error.code === "BROKER_ERROR";
    if (!isBrokers || settings.passClientLogin) throw error;

    const text = `${connection.name} refused a client's connection: ${error.message}`;
    logger.error(text);
    throw new BrokerNotAvailableError(text, { cause: error });
  }
}

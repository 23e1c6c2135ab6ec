export type StompVersion = "1.0" | "1.1" | "1.2";

/** The versions we speak, lowest first. */
export const SUPPORTED_VERSIONS: readonly StompVersion[] = ["1.0", "1.1", "1.2"];

/** The names under which a WebSocket handshake offers STOMP, highest version first. */
const SUB_PROTOCOLS: readonly string[] = ["v12.stomp", "v11.stomp", "v10.stomp"];

/**
 * Chooses the highest version in common with a CONNECT frame's `accept-version`
 * (STOMP 1.2, Protocol Negotiation). A missing header means 1.0; blanks around
 * the entries do not count. `undefined` when there is none in common.
 */
export function negotiate(acceptVersion: string | undefined): StompVersion | undefined {
  if (acceptVersion === undefined) return "1.0";

  const accepted = acceptVersion.split(",").map((entry) => entry.trim());
  return SUPPORTED_VERSIONS.findLast((version) => accepted.includes(version));
}

/**
 * Chooses the highest STOMP sub-protocol that a handshake offers, whatever its
 * case, and answers it as the client spelled it: clients compare. `undefined`
 * when none is offered.
 */
export function chooseSubProtocol(offered: Iterable<string>): string | undefined {
  const spellings = [...offered];
  for (const subProtocol of SUB_PROTOCOLS) {
    const spelling = spellings.find((each) => each.toLowerCase() === subProtocol);
    if (spelling !== undefined) return spelling;
  }
  return undefined;
}

/** The address of a message to a user's destination. */
export interface UserAddress {
  readonly name: string;
  /** As the user knows it, without the prefix: `/queue/x`. */
  readonly destination: string;
}

/**
 * Gives the destination under which a message on `brokerChannel` reaches a
 * user: `/user/jo%2Fe/queue/x` for `jo/e`. In the name `/` is written `%2F` and
 * `%` is written `%25`; all else stands as it is.
 *
 * @param prefix with its closing slash
 * @param address its destination gets a leading slash if it has none
 */
export function userDestination(prefix: string, { name, destination }: UserAddress): string {
  const escaped = name.replaceAll("%", "%25").replaceAll("/", "%2F");
  return `${prefix}${escaped}${destination.startsWith("/") ? "" : "/"}${destination}`;
}

/** Reads what `userDestination` wrote. `undefined` when there is no name, or no destination behind it. */
export function parseUserDestination(prefix: string, text: string): UserAddress | undefined {
  const end = text.indexOf("/", prefix.length);
  if (!text.startsWith(prefix) || end <= prefix.length || end === text.length - 1) return undefined;

  const name = text.slice(prefix.length, end).replace(/%2[F5]/gi, (code) => (code === "%25" ? "%" : "/"));
  return { name, destination: text.slice(end) };
}

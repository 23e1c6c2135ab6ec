import type { ServersSettings } from "../broker/broker.js";

/**
 * Tells the destinations that only servers use, however a client writes them:
 * RabbitMQ knows one by several paths and decodes `%2F` and the like, ActiveMQ
 * reads lists and options. A pattern that would match is another thing: what a
 * client hears by it is kept from it one by one.
 */
export function serversOnly(servers: ServersSettings | undefined): (destination: string) => boolean {
  const { userDestinationBroadcast, userRegistryBroadcast } = servers ?? {};
  const names = [userDestinationBroadcast, userRegistryBroadcast].flatMap((destination) => {
    return destination?.split("/").slice(-1) ?? [];
  });
  if (names.length === 0) return () => false;

  return (destination) =>
    decoded(destination)
      .split(/[/,?:]/)
      .some((part) => names.includes(trimmed(part)));
}

/** As ActiveMQ does it: for Java every character up to the blank is one. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && (text[from] as string) <= " ") from++;
  while (to > from && (text[to - 1] as string) <= " ") to--;
  return text.slice(from, to);
}

function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

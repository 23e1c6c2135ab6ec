import type { ServersSettings } from "../../servers/settings.js";

/**
 * Tells the destinations that only servers use, however a client writes them.
 * A pattern that would match is another thing: what a client hears by it is
 * kept from it one by one. Clients' queues and controllers of the same name
 * are theirs.
 */
export function serversOnly(servers: ServersSettings | undefined): (destination: string) => boolean {
  const { userDestinationBroadcast, userRegistryBroadcast } = servers ?? {};
  const names = new Set(
    [userDestinationBroadcast, userRegistryBroadcast].flatMap((destination) => {
      return destination === undefined ? [] : readings(destination);
    }),
  );
  if (names.size === 0) return () => false;
  return (destination) => readings(destination).some((name) => names.has(name));
}

/** Prefixes of destinations, and what they name; a topic of RabbitMQ is a routing key of an exchange. */
const PREFIXES: readonly (readonly [prefix: RegExp, kind: "topic" | "queue"])[] = [
  [/^\/exchange\/[^/]*\//, "topic"],
  [/^(\/topic\/|topic:\/\/)/, "topic"],
  [/^(\/amq\/queue\/|\/reply-queue\/|\/queue\/|queue:\/\/)/, "queue"],
];

/**
 * Gives what brokers make of a destination. RabbitMQ decodes `%2F` and the
 * like. ActiveMQ reads lists, options behind `?`, and `topic://` in front of a
 * name, which else is of the first one's kind. Artemis reads a queue behind `::`.
 */
function readings(destination: string): string[] {
  let first = "";
  return decoded(destination)
    .split(",")
    .map((part) => {
      let name = trimmed(part);
      let kind = first;
      for (let known = prefixOf(name); known; known = prefixOf(name)) {
        name = trimmed(name.replace(known[0], ""));
        kind = known[1];
      }
      first ||= kind;
      return `${kind} ${trimmed(name.replace(/(\?|::).*$/s, ""))}`;
    });
}

function prefixOf(name: string) {
  return PREFIXES.find(([prefix]) => prefix.test(name));
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

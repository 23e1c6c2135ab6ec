import { systemClock } from "#lib/clock/clock.js";
import { createMessage } from "#lib/message/message.js";
import { NativeHeaders } from "#lib/message/native-headers.js";
import { Publications } from "#lib/servers/publications.js";
import { serversKey } from "#lib/servers/seal.js";

/** So many publications of another server, as a backplane gives them; gives what reads them all, to hand them to nobody. */
export async function receivedPublications(
  count: number,
  size: number,
  secret?: string,
): Promise<() => void> {
  const key = secret === undefined ? undefined : serversKey(secret);
  const all: Uint8Array[] = [];
  const settings = {
    key,
    clock: systemClock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  };
  const road = { name: "bench", publish: async (bytes: Uint8Array) => void all.push(bytes) };
  const sender = new Publications({ ...settings, road });
  const headers = { destination: "/topic/room.1", contentType: "text/plain", native: NativeHeaders.of([]) };
  const message = createMessage(Buffer.alloc(size, "x"), headers);
  for (let i = 0; i < count; i++) await sender.publish({ message, toUser: false, byClient: false });
  await sender.close();
  return () => {
    // A listener that has heard nothing yet, or all would be repeats.
    const listener = new Publications({ ...settings, road });
    for (const bytes of all) void listener.receive(bytes, "1-1", false);
  };
}

import type { Logger, StompMessaging } from "express-stomp";

/** The members who are in a room, told at each change to those who are. */
export interface RoomPresent {
  readonly roomId: string;
  /** In the order of the alphabet; who has several pages open is there once. */
  readonly names: readonly string[];
}

type Watched = Pick<StompMessaging, "on" | "template" | "userRegistry">;

const ROOM = /^\/sub\/chat\/room\/([^/]+)$/;

/**
 * Tells at `/sub/chat/room/{roomId}/present` who hears the room, whenever
 * somebody begins or ceases to. Who hears it says the registry; events say when
 * to look.
 */
export function tellWhoIsPresent(messaging: Watched, logger: Logger): void {
  /** The rooms that a session has been in: its UNSUBSCRIBE and its end do not say which. */
  const roomsOf = new Map<string, Set<string>>();
  const changed = new Set<string>();

  messaging.on("subscribed", ({ sessionId, message }) => {
    const [, roomId] = ROOM.exec(message.headers.destination ?? "") ?? [];
    if (roomId === undefined) return;

    const rooms = roomsOf.get(sessionId) ?? new Set();
    roomsOf.set(sessionId, rooms.add(roomId));
    lookAgain([roomId]);
  });
  messaging.on("unsubscribe", ({ sessionId }) => lookAgain(roomsOf.get(sessionId)));
  // A session that was ended is nobody's any more, though its socket may take long to close.
  messaging.on("sessionError", ({ sessionId }) => lookAgain(roomsOf.get(sessionId)));
  messaging.on("disconnect", ({ sessionId }) => {
    lookAgain(roomsOf.get(sessionId));
    roomsOf.delete(sessionId);
  });

  /** Once for all that happens in a turn of the event loop. */
  function lookAgain(rooms: Iterable<string> = []): void {
    for (const roomId of rooms) {
      if (changed.size === 0) setImmediate(tell);
      changed.add(roomId);
    }
  }

  function tell(): void {
    const { template, userRegistry } = messaging;
    for (const roomId of changed) {
      const destination = `/sub/chat/room/${roomId}`;
      const there = userRegistry.findSubscriptions(
        (subscription) => subscription.destination === destination,
      );
      const names = [...new Set(there.map(({ session }) => session.user.name))].sort();
      template
        .convertAndSend(`${destination}/present`, { roomId, names } satisfies RoomPresent)
        .catch((error: unknown) => logger.warn("A room was not told who is there:", error));
    }
    changed.clear();
  }
}

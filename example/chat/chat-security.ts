import { AccessDeniedError, type AccessFunction, type MessageSecurity, messageSecurity } from "express-stomp";
import type { ChatRoomRepository } from "./chat-room-repository.js";
import type { MemberRepository } from "./member-repository.js";

export interface ChatSecurityOptions {
  readonly rooms: Pick<ChatRoomRepository, "findById">;
  readonly members: Pick<MemberRepository, "isStaff">;
}

/**
 * Gives the rules of the chat: members alone, what a room's page needs, where
 * there is a room. Above all nobody may send to `/sub/…`: who could, would
 * choose the writer's name.
 */
export function chatSecurity({ rooms, members }: ChatSecurityOptions): MessageSecurity {
  const isRoom: AccessFunction = async (user, { headers }, variables) => {
    if (!user) return false;
    if (await rooms.findById(variables.get("roomId"))) return true;
    throw new AccessDeniedError(`There is no room at ${headers.destination}`);
  };

  return messageSecurity(
    (messages) =>
      messages
        .nullDestMatcher()
        .authenticated()
        .simpMessageDestMatchers("/pub/chat/enter", "/pub/chat/message", "/pub/chat/private")
        .authenticated()
        .simpMessageDestMatchers("/pub/chat/staff/**")
        .hasRole("STAFF")
        .simpSubscribeDestMatchers(
          "/pub/chat/room/{roomId}",
          "/sub/chat/room/{roomId}",
          "/sub/chat/room/{roomId}/presence",
        )
        .access(isRoom)
        .simpSubscribeDestMatchers("/pub/chat/private", "/user/queue/private", "/user/queue/errors")
        .authenticated()
        .anyMessage()
        .denyAll(),
    // Asked for each message that the role decides about, so a role that is taken away is gone at once.
    { authoritiesOf: async ({ name }) => ((await members.isStaff(name)) ? ["ROLE_STAFF"] : []) },
  );
}

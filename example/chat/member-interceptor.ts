import { AccessDeniedError, type ChannelInterceptor, type Message } from "express-stomp";
import type { ChatRoomRepository } from "./chat-room-repository.js";

const MAY_SEND = new Set(["/pub/chat/enter", "/pub/chat/message"]);
const MAY_SUBSCRIBE = ["/sub/chat/room/", "/pub/chat/room/"];

/**
 * Lets only members subscribe and send, and only where there is a room. Above
 * all nobody may send to `/sub/…`: who could, would choose the writer's name.
 */
export class MemberInterceptor implements ChannelInterceptor {
  readonly #rooms: ChatRoomRepository;

  constructor(rooms: ChatRoomRepository) {
    this.#rooms = rooms;
  }

  async preSend(message: Message): Promise<Message> {
    const { messageType, destination = "", user } = message.headers;
    if (messageType !== "MESSAGE" && messageType !== "SUBSCRIBE") return message;

    if (!user) throw new AccessDeniedError("Only members may chat. Log in first.");
    if (messageType === "MESSAGE" && !MAY_SEND.has(destination)) {
      throw new AccessDeniedError(`Nobody may send to ${destination}`);
    }
    if (messageType === "SUBSCRIBE") await this.#checkRoom(destination);
    return message;
  }

  async #checkRoom(destination: string): Promise<void> {
    const prefix = MAY_SUBSCRIBE.find((prefix) => destination.startsWith(prefix));
    if (prefix === undefined || !(await this.#rooms.findById(destination.slice(prefix.length)))) {
      throw new AccessDeniedError(`There is no room at ${destination}`);
    }
  }
}

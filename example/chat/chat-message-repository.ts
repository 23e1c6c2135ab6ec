import { injectable } from "inversify";
import type { ChatMessage } from "./chat-message.js";
import { ChatDatabase } from "./database.js";

/** Keeps what was said. */
@injectable()
export class ChatMessageRepository {
  constructor(private readonly database: ChatDatabase) {}

  /** Keeps a message, and gives it its number and time. */
  async create(roomId: string, writer: string, message: string): Promise<ChatMessage> {
    const sentAt = Date.now();
    const { id } = await this.database
      .insertInto("chat_message")
      .values({ room_id: roomId, writer, message, sent_at: sentAt })
      .returning("id")
      .executeTakeFirstOrThrow();
    return { kind: "message", id, roomId, writer, message, sentAt };
  }

  /** Gives the last messages of a room, in the order they were sent. */
  async findLatest(roomId: string, count: number): Promise<ChatMessage[]> {
    const rows = await this.database
      .selectFrom("chat_message")
      .select(["id", "room_id as roomId", "writer", "message", "sent_at as sentAt"])
      .where("room_id", "=", roomId)
      .orderBy("id", "desc")
      .limit(count)
      .execute();
    return rows.reverse().map((row) => ({ kind: "message", ...row }));
  }
}

import { injectable } from "inversify";
import type { ChatMessage } from "./chat-contract.js";
import { ChatDatabase } from "./database.js";

/** Keeps what was said. */
@injectable()
export class ChatMessageRepository {
  constructor(private readonly database: ChatDatabase) {}

  /**
   * Keeps a message, and gives it its number and time.
   *
   * @param dedupId the writer's own id for it: what they have sent under it before is given as it was kept
   */
  async create(roomId: string, writer: string, message: string, dedupId?: string): Promise<ChatMessage> {
    const sentAt = Date.now();
    const made = await this.database
      .insertInto("chat_message")
      .values({ room_id: roomId, writer, message, sent_at: sentAt, dedup_id: dedupId ?? null })
      .onConflict((conflict) => conflict.columns(["writer", "dedup_id"]).doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made) return { kind: "message", id: made.id, roomId, writer, message, sentAt };

    const kept = await this.#select()
      .where("writer", "=", writer)
      .where("dedup_id", "=", dedupId ?? null)
      .executeTakeFirstOrThrow();
    return { kind: "message", ...kept };
  }

  /** Gives the last messages of a room, in the order they were sent. */
  async findLatest(roomId: string, count: number): Promise<ChatMessage[]> {
    const rows = await this.#select()
      .where("room_id", "=", roomId)
      .orderBy("id", "desc")
      .limit(count)
      .execute();
    return rows.reverse().map((row) => ({ kind: "message", ...row }));
  }

  #select() {
    return this.database
      .selectFrom("chat_message")
      .select(["id", "room_id as roomId", "writer", "message", "sent_at as sentAt"]);
  }
}

import { injectable } from "inversify";
import type { PrivateMessage } from "./chat-contract.js";
import { ChatDatabase } from "./database.js";

/** Keeps what members wrote to one another. */
@injectable()
export class PrivateMessageRepository {
  constructor(private readonly database: ChatDatabase) {}

  /**
   * Keeps a message, and gives it its number and time.
   *
   * @param dedupId the writer's own id for it: what they have sent under it before is given as it was kept
   */
  async create(
    writer: string,
    recipient: string,
    message: string,
    dedupId?: string,
  ): Promise<PrivateMessage> {
    const sentAt = Date.now();
    const made = await this.database
      .insertInto("private_message")
      .values({ writer, recipient, message, sent_at: sentAt, dedup_id: dedupId ?? null })
      .onConflict((conflict) => conflict.columns(["writer", "dedup_id"]).doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made) return { kind: "private", id: made.id, writer, recipient, message, sentAt };

    const kept = await this.#select()
      .where("writer", "=", writer)
      .where("dedup_id", "=", dedupId ?? null)
      .executeTakeFirstOrThrow();
    return { kind: "private", ...kept };
  }

  /** Gives the last messages that a member wrote or was written, in the order they were sent. */
  async findLatest(name: string, count: number): Promise<PrivateMessage[]> {
    const rows = await this.#select()
      .where(({ eb, or }) => or([eb("writer", "=", name), eb("recipient", "=", name)]))
      .orderBy("id", "desc")
      .limit(count)
      .execute();
    return rows.reverse().map((row) => ({ kind: "private", ...row }));
  }

  #select() {
    return this.database
      .selectFrom("private_message")
      .select(["id", "writer", "recipient", "message", "sent_at as sentAt"]);
  }
}

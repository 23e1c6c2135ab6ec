import { randomUUID } from "node:crypto";
import { injectable } from "inversify";
import type { ChatRoom } from "./chat-room.js";
import { ChatDatabase } from "./database.js";

/** Keeps the rooms. */
@injectable()
export class ChatRoomRepository {
  constructor(private readonly database: ChatDatabase) {}

  /** Opens a room. */
  async create(name: string, openedBy: string): Promise<ChatRoom> {
    const room: ChatRoom = { id: randomUUID(), name, openedBy, openedAt: Date.now() };
    await this.database
      .insertInto("chat_room")
      .values({ id: room.id, name, opened_by: openedBy, opened_at: room.openedAt })
      .execute();
    return room;
  }

  /** Gives all rooms, newest first. */
  findAll(): Promise<ChatRoom[]> {
    return this.#select().orderBy("number", "desc").execute();
  }

  /** Finds a room by any text a client may have sent as its id. */
  async findById(id: unknown): Promise<ChatRoom | undefined> {
    if (typeof id !== "string" || !ROOM_ID.test(id)) return undefined;

    return this.#select().where("id", "=", id).executeTakeFirst();
  }

  #select() {
    return this.database
      .selectFrom("chat_room")
      .select(["id", "name", "opened_by as openedBy", "opened_at as openedAt"]);
  }
}

/** Text that is no UUID need not bother the database, which would stumble over some (PostgreSQL: NUL). */
const ROOM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

import { injectable } from "inversify";
import type { Member } from "../shared/member.js";
import { ChatDatabase } from "./database.js";

/** Keeps the members. Names that differ only in case or width are the same name. */
@injectable()
export class MemberRepository {
  constructor(private readonly database: ChatDatabase) {}

  /** Adds a member; nothing when the name is taken. */
  async create(name: string, passwordHash: string): Promise<Member | undefined> {
    return this.database
      .insertInto("member")
      .values({ name, name_key: nameKey(name), password_hash: passwordHash, joined_at: Date.now() })
      .onConflict((conflict) => conflict.column("name_key").doNothing())
      .returning(["id", "name"])
      .executeTakeFirst();
  }

  async findById(id: number): Promise<Member | undefined> {
    return this.database.selectFrom("member").select(["id", "name"]).where("id", "=", id).executeTakeFirst();
  }

  /** Finds a member with the hash that a login is checked against. */
  async findByName(name: string): Promise<(Member & { readonly passwordHash: string }) | undefined> {
    return this.database
      .selectFrom("member")
      .select(["id", "name", "password_hash as passwordHash"])
      .where("name_key", "=", nameKey(name))
      .executeTakeFirst();
  }
}

function nameKey(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

import { injectable } from "inversify";
import type { Member } from "../shared/member.js";
import { ChatDatabase } from "./database.js";
import type { MemberRole } from "./member.js";

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

  /** Tells whether a member is one of the staff, now. */
  async isStaff(name: string): Promise<boolean> {
    const found = await this.database
      .selectFrom("member")
      .select("role")
      .where("name_key", "=", nameKey(name))
      .executeTakeFirst();
    return found?.role === "staff";
  }

  /** Gives a member another role; `false` when there is none of this name. */
  async setRole(name: string, role: MemberRole): Promise<boolean> {
    const { numUpdatedRows } = await this.database
      .updateTable("member")
      .set({ role })
      .where("name_key", "=", nameKey(name))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
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

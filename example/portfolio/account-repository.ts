import { injectable } from "inversify";
import type { Member } from "../shared/member.js";
import { PortfolioDatabase } from "./database.js";

/** Finds who has an account. */
@injectable()
export class AccountRepository {
  constructor(private readonly database: PortfolioDatabase) {}

  findById(id: number): Promise<Member | undefined> {
    return this.database.selectFrom("account").select(["id", "name"]).where("id", "=", id).executeTakeFirst();
  }

  /** Finds an account with the hash that a login is checked against. */
  findByName(name: string): Promise<(Member & { readonly passwordHash: string }) | undefined> {
    return this.database
      .selectFrom("account")
      .select(["id", "name", "password_hash as passwordHash"])
      .where("name", "=", name)
      .executeTakeFirst();
  }
}

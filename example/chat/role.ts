import { openDatabase } from "./database.js";
import { MEMBER_ROLES, type MemberRole } from "./member.js";
import { MemberRepository } from "./member-repository.js";

const { DATABASE_URL = "data/chat.db" } = process.env;
const [name, role = "staff"] = process.argv.slice(2);

if (name === undefined || !isRole(role)) {
  console.error(`npm run chat:role -- <name> [${MEMBER_ROLES.join("|")}]`);
  process.exitCode = 1;
} else {
  const database = await openDatabase(DATABASE_URL);
  const found = await new MemberRepository(database).setRole(name, role);
  console.log(found ? `${name} is now ${role}` : `There is no member ${name}`);
  if (!found) process.exitCode = 1;
  await database.destroy();
}

function isRole(text: string): text is MemberRole {
  return (MEMBER_ROLES as readonly string[]).includes(text);
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Postgres } from "./postgres.js";
import { findPostgres, missing, tryAgain } from "./programs.js";

/** Makes an empty database, and gives the address an application opens it by. */
export type NewDatabase = () => Promise<string>;

/** Describes something twice: on the embedded database, and on PostgreSQL. */
export function onEachDatabase(describeOn: (newDatabase: NewDatabase) => void): void {
  describe("on the embedded database", () => {
    describeOn(newFile);
  });

  describe("on PostgreSQL", () => {
    before(async function () {
      this.timeout(120_000);
      tryAgain(this);
      const programs = findPostgres() ?? missing(this, "PostgreSQL");
      postgres ??= await Postgres.start(programs);
    });

    describeOn(() => postgres!.createDatabase());
  });
}

/** Makes an empty embedded database in a folder that is removed after all specs. */
export async function newFile(): Promise<string> {
  folder ??= mkdtempSync(join(tmpdir(), "chat-"));
  return join(folder, `${++files}`, "chat.db");
}

/** One server for all specs: it starts with the first that needs it. */
let postgres: Postgres | undefined;
let folder: string | undefined;
let files = 0;

after(async function () {
  this.timeout(120_000);
  await postgres?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

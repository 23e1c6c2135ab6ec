import { readFileSync } from "node:fs";
import { expect } from "chai";
import { exportedTypes, membersOf } from "../support/exported-types.js";

/** Those whose table says what they have beside `ChannelSettings`. */
const CHANNELS = new Set(["BrokerChannelSettings", "ClientInboundChannelSettings"]);
/** Types whose members are the application's own names, or are of no use to it. */
const NO_OPTIONS = new Set(["UnconfiguredOptions", "ServersSettings"]);

/** The first column of the table that follows a type's name on a page. */
function listed(page: string, type: string): string[] | undefined {
  const [, behind] = page.split(`(\`${type}\`)`);
  const table = behind && /\n\|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)/.exec(behind)?.[1];
  if (!table) return undefined;
  return table
    .trimEnd()
    .split("\n")
    .flatMap((row) =>
      [...(row.split(" | ")[0] ?? "").matchAll(/`([\w]+)(?:\([^`]*\))?`/g)].map(([, name = ""]) => name),
    )
    .sort();
}

describe("docs/options.md", function () {
  // The compiler reads all declarations.
  this.timeout(120_000);
  const page = readFileSync("docs/options.md", "utf8");
  const names = () =>
    exportedTypes()
      .symbols.map(({ name }) => name)
      .filter((name) => /(Options|Settings)$/.test(name) && !NO_OPTIONS.has(name));

  it("lists every option of every type of options, and no other", () => {
    const common = membersOf("ChannelSettings", exportedTypes());
    for (const name of [...names(), "VerifiedToken"]) {
      const members = membersOf(name, exportedTypes()).filter(
        (member) => !(CHANNELS.has(name) && common.includes(member)),
      );
      expect(listed(page, name), name).to.deep.equal(members);
    }
  });

  it("explains no type that is not there", () => {
    const explained = [...page.matchAll(/\(`(\w+(?:Options|Settings))`\)/g)].map(([, name = ""]) => name);
    expect(explained.filter((name) => !names().includes(name))).to.deep.equal([]);
  });
});

describe("docs/events.md", function () {
  this.timeout(120_000);
  const page = readFileSync("docs/events.md", "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (.*?) \| (.*) \|$/gm)];

  it("lists every event with every field, and no other", () => {
    const { checker, symbols } = exportedTypes();
    const events = symbols.find(({ name }) => name === "MessagingEvents")!;
    const told = new Map(
      rows.map(([, name, fields = ""]) => [
        name,
        [...fields.matchAll(/`(\w+)`/g)].map(([, field]) => field).sort(),
      ]),
    );
    const target = checker.getAliasedSymbol(events);
    const there = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(target)).map((event) => {
      const fields = checker.getPropertiesOfType(checker.getTypeOfSymbol(event)).map(({ name }) => name);
      return [event.name, fields.sort()] as const;
    });
    for (const [name, fields] of there) expect(told.get(name), name).to.deep.equal(fields);
    const eventNames = there.map(([name]) => name as string);
    const others = rows.map(([, name = ""]) => name).filter((name) => !eventNames.includes(name));
    expect(others.filter((name) => !/Error$/.test(name))).to.deep.equal([]);
  });

  it("lists every count of stats()", () => {
    const counts = [...(page.split("## Stats")[1] ?? "").split("## ")[0]!.matchAll(/^\| `(\w+)` \|/gm)];
    expect(counts.map(([, name]) => name).sort()).to.deep.equal(membersOf("MessagingStats", exportedTypes()));
  });

  it("lists every class of errors, with its code", () => {
    const errors = exportedTypes()
      .symbols.map(({ name }) => name)
      .filter((name) => /Error$/.test(name) && name !== "MessagingError" && name !== "ClassValidationError");
    const told = rows.map(([, name]) => name);
    expect(errors.filter((name) => !told.includes(name))).to.deep.equal([]);
  });
});

describe("Every export", function () {
  this.timeout(120_000);

  it("has a docstring, which docs/api.md shows", () => {
    const page = readFileSync("docs/api.md", "utf8");
    const silent = [...page.matchAll(/^### (\w+)\n\n```ts$/gm)].map(([, name]) => name);
    expect(silent).to.deep.equal([]);
  });
});

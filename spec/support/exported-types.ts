import { readFileSync } from "node:fs";
import ts from "typescript";

/** The declarations that users' compilers read, and how to ask about them. */
export interface Exports {
  readonly checker: ts.TypeChecker;
  /** Every exported name, in alphabetical order. */
  readonly symbols: readonly ts.Symbol[];
}

const read = new Map<string, Exports>();

/** Reads the built declarations of the library, or of a subpath package, once for all who ask. */
export function exportedTypes(entry = "dist/index.d.ts"): Exports {
  const known = read.get(entry) ?? readExports(entry);
  read.set(entry, known);
  return known;
}

let program: ts.Program | undefined;

/** One program of all entries: each by itself would read the same declarations again. */
function programOfAll(): ts.Program {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
    exports: Record<string, { readonly types: string } | string>;
  };
  const entries = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? [] : entry.types,
  );
  return ts.createProgram(entries, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    types: ["node"],
  });
}

function readExports(entry: string): Exports {
  program ??= programOfAll();
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(entry);
  const exported = file && checker.getSymbolAtLocation(file);
  if (!exported) throw new Error(`${entry} exports nothing: was the library built?`);

  const symbols = checker.getExportsOfModule(exported).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { checker, symbols };
}

/** Gives the symbol that a name stands for, wherever it is declared. */
export function declared(symbol: ts.Symbol, { checker }: Exports): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The names of the members of an exported interface, inherited ones too. */
export function membersOf(name: string, exports: Exports): string[] {
  const symbol = exports.symbols.find((each) => each.name === name);
  if (!symbol) throw new Error(`The library exports no ${name}`);
  const type = exports.checker.getDeclaredTypeOfSymbol(declared(symbol, exports));
  return exports.checker
    .getPropertiesOfType(type)
    .map((member) => member.name)
    .sort();
}

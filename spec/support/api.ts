import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The page that lists every exported signature. */
export const API_PAGE = "docs/api.md";

/** Writes the page's text from the declarations that users' compilers read. */
export function apiPage(entry = "dist/index.d.ts"): string {
  const program = ts.createProgram([entry], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    types: ["node"],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(entry);
  const exported = file && checker.getSymbolAtLocation(file);
  if (!exported) throw new Error(`${entry} exports nothing: was the library built?`);

  const sections = checker
    .getExportsOfModule(exported)
    .map((symbol) => ({ name: symbol.name, declared: declarationsOf(symbol, checker) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, declared }) => `### ${name}\n\n\`\`\`ts\n${declared.join("\n")}\n\`\`\`\n`);
  return [
    "# Every exported signature",
    "",
    "Generated from the library's declarations by `npm run docs:api`. What each means stands in its docstring and in the manual; what counts as API in [policy.md](policy.md).",
    "",
    ...sections,
  ].join("\n");
}

function declarationsOf(symbol: ts.Symbol, checker: ts.TypeChecker): string[] {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  return (target.declarations ?? []).map((declaration) => print(wholeOf(declaration)));
}

/** A variable's declaration is inside of the statement that says `const`. */
function wholeOf(declaration: ts.Declaration): ts.Node {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
}

const printer = ts.createPrinter({ removeComments: true });

function print(node: ts.Node): string {
  const { transformed } = ts.transform(node, [withoutPrivate]);
  const text = printer.printNode(ts.EmitHint.Unspecified, transformed[0] as ts.Node, node.getSourceFile());
  return text.replace(/^export /, "").replace(/^declare /, "");
}

/** Leaves out what a class keeps to itself. */
const withoutPrivate: ts.TransformerFactory<ts.Node> = (context) => (node) =>
  ts.visitEachChild(
    node,
    (child) => (ts.isClassElement(child) && isPrivate(child) ? undefined : child),
    context,
  );

function isPrivate(member: ts.ClassElement): boolean {
  if (member.name && ts.isPrivateIdentifier(member.name)) return true;
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(API_PAGE, apiPage());

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { declared, type Exports, exportedTypes } from "./exported-types.js";

/** The page that lists every exported signature. */
export const API_PAGE = "docs/api.md";

/** Writes the page's text from the declarations that users' compilers read. */
export function apiPage(): string {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
    exports: Record<string, { readonly types: string } | string>;
  };
  const sections = Object.entries(manifest.exports).flatMap(([path, entry]) => {
    if (typeof entry === "string") return [];
    const title = path === "." ? [] : [`## ${path.replace(".", "express-stomp")}\n`];
    return [...title, ...sectionsOf(exportedTypes(entry.types))];
  });
  return [
    "# Every exported signature",
    "",
    "Generated from the library's declarations and their docstrings by `npm run docs:api`. It is for comparing: a change of the surface shows here, line by line. To read and search, `npm run docs` in a clone makes a reference with links, in build/docs. What counts as API stands in [policy.md](policy.md).",
    "",
    ...sections,
  ].join("\n");
}

function sectionsOf(exports: Exports): string[] {
  return exports.symbols.map((symbol) => {
    const target = declared(symbol, exports);
    const code = (target.declarations ?? []).map((declaration) => print(wholeOf(declaration))).join("\n");
    return `### ${symbol.name}\n\n${meaningOf(target, exports.checker)}\`\`\`ts\n${code}\n\`\`\`\n`;
  });
}

/** Gives a symbol's docstring, and the errors that it throws. */
function meaningOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  const throws = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === "throws")
    .map(({ text: parts }) => `Throws ${ts.displayPartsToString(parts).trim()}.`);
  const paragraphs = [text, ...throws].filter((paragraph) => paragraph !== "");
  return paragraphs.map((paragraph) => `${paragraph.replace(/([^\n])\n(?!\n|- )/g, "$1 ")}\n\n`).join("");
}

/** A variable's declaration is inside of the statement that says `const`. */
function wholeOf(declaration: ts.Declaration): ts.Node {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
}

const printer = ts.createPrinter();

function print(node: ts.Node): string {
  const { transformed } = ts.transform(node, [withoutPrivate]);
  const text = printer.printNode(ts.EmitHint.Unspecified, transformed[0] as ts.Node, node.getSourceFile());
  // The docstring of the whole stands above.
  return text
    .replace(/^\/\*\*[\s\S]*?\*\/\s*/, "")
    .replace(/^export /, "")
    .replace(/^declare /, "");
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

import { Parser } from "@asyncapi/parser";

const parser = new Parser();

/** What the reference parser finds to say of a document. */
export async function diagnosticsOf(document: unknown): Promise<string[]> {
  const { document: parsed, diagnostics } = await parser.parse(JSON.stringify(document));
  const said = diagnostics.map(({ message, path }) => `${path.join(".")}: ${message}`);
  return parsed ? said : [...said, "It is no document"];
}

import { Parser } from "@asyncapi/parser";

const parser = new Parser();

/** What the reference parser finds to say of a document. */
export async function diagnosticsOf(document: unknown): Promise<string[]> {
  const { document: parsed, diagnostics } = await parser.parse(JSON.stringify(document));
  const said = diagnostics.map(({ message, path }) => `${path.join(".")}: ${message}`);
  return parsed ? said : [...said, "It is no document"];
}

/** The names of the headers of SUBSCRIBE of an operation, as the parser has put its traits together. */
export async function subscribeHeadersOf(document: unknown): Promise<(operation: string) => string[]> {
  const { document: parsed } = await parser.parse(JSON.stringify(document));
  return (operation) => {
    const extension = parsed?.operations().get(operation)?.extensions().get("x-subscribe-headers");
    return Object.keys(extension?.value<{ properties: object }>().properties ?? {});
  };
}

import type { Request } from "express";

/**
 * Reads a request's body as text: a parsed one as JSON, when a body parser in front has already read it. Of a
 * form, the one field that is named.
 *
 * @returns `too-large` when it has more bytes than `limit`; the rest is then left to be skipped
 * @throws when the client leaves before the end
 */
export async function readBody(
  req: Request,
  { limit, field }: { readonly limit: number; readonly field?: string | undefined },
): Promise<{ text: string } | "too-large"> {
  if (Number(req.headers["content-length"] ?? 0) > limit) return "too-large";

  const formField = field !== undefined && req.is("application/x-www-form-urlencoded") ? field : undefined;
  if (req.readableDidRead || req.readableEnded) return { text: parsedText(req.body, formField) };
  if (req.destroyed) throw new Error("The client has left.");

  const chunks: Buffer[] = [];
  let size = 0;
  return await new Promise((resolve, reject) => {
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        chunks.length = 0;
        resolve("too-large");
      } else {
        chunks.push(chunk);
      }
    });
    req.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ text: formField === undefined ? text : (new URLSearchParams(text).get(formField) ?? "") });
    });
    req.on("error", reject);
  });
}

function parsedText(body: unknown, field: string | undefined): string {
  if (field !== undefined) return parsedText((Object(body) as Record<string, unknown>)[field], undefined);
  if (typeof body === "string") return body;
  if (Buffer.isBuffer(body)) return body.toString();
  return body === undefined ? "" : JSON.stringify(body);
}

import type { ServerResponse } from "node:http";

/** Ends a response with one line of plain text, unless the application has answered meanwhile. */
export function answer(
  res: ServerResponse,
  status: number,
  text = "",
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent) return;

  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (text !== "") {
    res.setHeader("Content-Type", "text/plain; charset=UTF-8");
    res.setHeader("X-Content-Type-Options", "nosniff");
  }
  res.end(text);
}

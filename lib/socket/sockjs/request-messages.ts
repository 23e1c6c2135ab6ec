import { StringDecoder } from "node:string_decoder";
import type { Request } from "express";
import { FormField } from "./form-field.js";
import { JsonTexts, PayloadError } from "./json-texts.js";

/** Bytes of a body that are read before any of it is handed on: if such a body is broken, nothing of it counts. */
const READ_AHEAD = 64 * 1024;

export interface RequestMessagesOptions {
  /** The field that has the messages if the body is a form. */
  readonly field: string | undefined;
  /** Gets what the messages say, joined; the body is read further when it is done. False when no more is wanted. */
  take(text: string): Promise<boolean>;
}

/**
 * Reads a request's messages, an array of strings as JSON, and hands them on as they come: clients put all
 * that waits into one request. A body parser in front may have read them already.
 *
 * @throws PayloadError when they are something else, or far more bytes than messages
 * @throws Error when the client leaves before the end
 */
export async function readMessages(req: Request, { field, take }: RequestMessagesOptions): Promise<void> {
  const form = field !== undefined && req.is("application/x-www-form-urlencoded") ? field : undefined;
  if (req.readableDidRead || req.readableEnded) {
    await take(wholeText(parsedText(req.body, form)));
    return;
  }

  const formField = form === undefined ? undefined : new FormField(form);
  const decoder = new StringDecoder("utf8");
  const texts = new JsonTexts();
  let held = "";
  let length = 0;
  let silent = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      const piece = texts.read(decoder.write(formField?.read(bytes) ?? bytes));
      held += piece;
      length += bytes.length;
      silent = piece === "" ? silent + bytes.length : 0;
      if (silent > READ_AHEAD) throw new PayloadError("Payload expected.");
      if (length <= READ_AHEAD) continue;

      const text = held;
      held = "";
      if (!(await take(text))) return;
    }
    held += texts.read(decoder.end());
    texts.end();
    await take(held);
  } finally {
    // Node skips what is left of a body only if nobody has read any of it; then the line takes no other request.
    req.resume();
  }
}

function wholeText(json: string): string {
  const texts = new JsonTexts();
  const text = texts.read(json);
  texts.end();
  return text;
}

function parsedText(body: unknown, field: string | undefined): string {
  if (field !== undefined) return parsedText((Object(body) as Record<string, unknown>)[field], undefined);
  if (typeof body === "string") return body;
  if (Buffer.isBuffer(body)) return body.toString();
  return body === undefined ? "" : JSON.stringify(body);
}

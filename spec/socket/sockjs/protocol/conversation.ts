import type { Dialogue } from "./dialogue.js";

/** A conversation of the SockJS protocol 0.3.3, or about what a server may be asked beyond it. */
export interface Conversation {
  readonly name: string;
  hold(talk: Dialogue): Promise<void>;
}

export const NOT_CACHED = {
  "cache-control": "no-store, no-cache, no-transform, must-revalidate, max-age=0",
  expires: undefined,
  "last-modified": undefined,
};
export const CACHED = { "cache-control": "public, max-age=31536000", expires: "in a year" };
export const OWN_ORIGIN = {
  "access-control-allow-origin": "http://127.0.0.1:PORT",
  "access-control-allow-credentials": "true",
};
export const SCRIPT = { "content-type": "application/javascript; charset=UTF-8" };
export const TEXT = { "content-type": "text/plain; charset=UTF-8" };
export const NO_COOKIE = { "set-cookie": undefined };
export const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

export const NOT_FOUND = { status: 404 };
export const NOT_ALLOWED = { status: 405, body: "", headers: { "content-type": undefined } };
export const TAKEN = { status: 204, body: "" };
export const OPENED = { status: 200, body: "o\n" };

/** A preflight from the server's own page; whoever may ask is told the methods. */
export async function preflight(talk: Dialogue, path: string, methods: string): Promise<void> {
  for (const origin of [talk.origin]) {
    const headers = { "Access-Control-Request-Method": methods.split(", ").at(-1) as string, Origin: origin };
    const expected = {
      status: 204,
      body: "",
      headers: {
        ...CACHED,
        ...OWN_ORIGIN,
        "access-control-allow-methods": methods,
        "access-control-max-age": "31536000",
      },
    };
    await talk.ask("OPTIONS", path, expected, { headers });
  }
}

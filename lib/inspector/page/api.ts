import type { ErrorAnswer } from "./answers.js";
import { say, words } from "./words.js";

/** A request that was refused or failed, with a sentence for the person. */
export class Refused extends Error {}

/** Asks the server this page came from. @throws Refused with the server's sentence; TypeError when it does not answer */
export async function ask<Answer>(
  path: string,
  query: Readonly<Record<string, string | number>> = {},
): Promise<Answer> {
  return answerOf<Answer>(
    await fetch(`api/${path}${queryOf(query)}`, { headers: { accept: "application/json" } }),
  );
}

/** Gives the sentence with which something is refused; `undefined` if it is not any more, and then lets go of it. */
export async function refusalOf(
  path: string,
  query: Readonly<Record<string, string | number>>,
): Promise<string | undefined> {
  const gone = new AbortController();
  try {
    const response = await fetch(`api/${path}${queryOf(query)}`, { signal: gone.signal });
    if (!response.ok) await answerOf(response);
  } catch (error) {
    return error instanceof Refused ? error.message : undefined;
  } finally {
    gone.abort();
  }
  return undefined;
}

/** Has the server do something. @throws as `ask` */
export async function act<Answer>(name: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return answerOf<Answer>(
    await fetch(`api/${name}`, { method: "POST", headers, body: JSON.stringify(body) }),
  );
}

/** The query of these, without those that are empty. */
export function queryOf(query: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== "");
  if (pairs.length === 0) return "";
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

async function answerOf<Answer>(response: Response): Promise<Answer> {
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  if (response.ok && isJson) return (await response.json()) as Answer;
  const { error } = isJson ? ((await response.json()) as Partial<ErrorAnswer>) : {};
  // Without JSON somebody else has answered: a login page, perhaps, since the session is over.
  throw new Refused(error ?? say(words.notUs, response.status));
}

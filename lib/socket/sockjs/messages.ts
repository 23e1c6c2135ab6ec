import { isTexts } from "../../options/checks.js";

/** The texts in a SockJS client's JSON: an array of strings, or one string. `undefined` when it is something else. */
export function messagesOf(json: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const list = typeof value === "string" ? [value] : value;
    return isTexts(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

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

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

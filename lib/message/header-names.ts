/** Names to look for among headers, whatever blanks stand around them: clients and brokers trim what they read. */
export class HeaderNames {
  /** By their lengths: most names are none of them, and have not even the length of one. */
  readonly #byLength: (readonly string[] | undefined)[] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) this.#byLength[name.length] = [...(this.#byLength[name.length] ?? []), name];
  }

  /** Whether one of them stands in a text from here to there. */
  isIn(text: string, from: number, to: number): boolean {
    let [start, end] = [from, to];
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    const names = this.#byLength[end - start];
    return names?.some((name) => text.startsWith(name, start)) === true;
  }
}

/** For JavaScript all white space is one, for Java all up to the space. */
function isBlank(code: number): boolean {
  return code <= 0x20 || (code > 0x7f && String.fromCharCode(code).trim() === "");
}

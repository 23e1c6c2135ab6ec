const VISIBLE = new Map([
  ["\0", "^@"],
  ["\r", "^M"],
]);
const INVISIBLE = new Map([...VISIBLE].map(([character, mark]) => [mark, character]));

/**
 * Wire text as bytes: what stands there is what is sent, backslashes included,
 * but for `^@`, a NUL, and `^M`, a CR. Lines may be indented alike, between a
 * first and a last line that hold the backticks only. Texts and bytes that are
 * put in with `${}` stay as they are.
 */
export function wire(template: TemplateStringsArray, ...inserts: (string | Uint8Array)[]): Buffer {
  let texts: readonly string[] = template.raw;
  const indent = /^\n( *)/.exec(texts[0]!)?.[1];
  if (indent !== undefined) {
    texts = texts.map((text, i) => {
      const outdented = text.replaceAll(`\n${indent}`, "\n");
      const opened = i === 0 ? outdented.slice(1) : outdented;
      return i === texts.length - 1 ? opened.replace(/\n *$/, "") : opened;
    });
  }

  return Buffer.concat(
    texts.flatMap((text, i) => [
      Buffer.from(text.replace(/\^[@M]/g, (mark) => INVISIBLE.get(mark)!)),
      Buffer.from(inserts[i] ?? ""),
    ]),
  );
}

/** Bytes as `wire` would have them written, for comparison and for reading. */
export function wireText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString()
    .replace(/[\0\r]/g, (character) => VISIBLE.get(character)!);
}

/** The page's texts, in the reader's language. */
export const texts = JSON.parse(document.body.dataset.texts);

/** Puts values in the places of `{name}`; numbers in the reader's way. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_place, name) =>
    typeof values[name] === "number" ? count(values[name]) : values[name],
  );
}

const COUNT = new Intl.NumberFormat(texts.language);

/** Writes a number with its digits in groups. */
export function count(number) {
  return COUNT.format(number);
}

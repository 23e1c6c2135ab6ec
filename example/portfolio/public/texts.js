/**
 * The page's texts, in the reader's language.
 *
 * @type {import("../texts.js").Texts}
 */
export const texts = JSON.parse(document.body.dataset.texts ?? "{}");

/**
 * Puts values in the places of `{name}`; numbers in the reader's way.
 *
 * @param {string} text
 * @param {Readonly<Record<string, string | number>>} values
 */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_place, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? count(value) : value;
  });
}

const COUNT = new Intl.NumberFormat(texts.language);

/**
 * Writes a number with its digits in groups.
 *
 * @param {number} number
 */
export function count(number) {
  return COUNT.format(number);
}

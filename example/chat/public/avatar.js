/**
 * Shows a name as its first letter on a colour of its own.
 *
 * @param {HTMLElement} element
 * @param {string} name
 */
export function paintAvatar(element, name) {
  let hue = 0;
  // By the golden angle, which keeps like letters far apart.
  for (const character of name) hue = (hue * 31 + (character.codePointAt(0) ?? 0) * 137.508) % 360;
  element.style.setProperty("--hue", String(hue));
  // By the style sheet: it is a picture of the name, not a part of what a button says.
  element.dataset.letter = firstLetter(name).toUpperCase();
}

/**
 * The first letter as people see it: a Korean syllable or an emoji is one.
 *
 * @param {string} name
 */
function firstLetter(name) {
  const [first] = new Intl.Segmenter().segment(name);
  return first?.segment ?? "";
}

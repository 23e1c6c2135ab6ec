import { MANY, ONE, PatternBits } from "../../destination/pattern-bits.js";
import { type SelectorToken, unreadable } from "./token.js";

/** So many characters a pattern of LIKE has at most. */
const LIKE_LIMIT = 128;

/** Reads what stands behind LIKE. @throws MessageDeliveryError when it is too long, or escapes what needs none */
export function likePattern({ value, at }: SelectorToken, escaping: string | undefined): PatternBits {
  const given = [...value];
  if (given.length > LIKE_LIMIT) throw unreadable(`LIKE has more than ${LIKE_LIMIT} characters`, at);

  const characters: (string | typeof MANY | typeof ONE)[] = [];
  for (let i = 0; i < given.length; i++) {
    const character = given[i] as string;
    if (character === escaping) {
      const escaped = given[++i];
      if (escaped !== "%" && escaped !== "_" && escaped !== escaping) {
        throw unreadable("ESCAPE stands before something else than % or _", at);
      }
      characters.push(escaped);
    } else characters.push(character === "%" ? MANY : character === "_" ? ONE : character);
  }
  return new PatternBits(characters);
}

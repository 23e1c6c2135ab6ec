import { Glob, type GlobPiece } from "../../destination/glob.js";
import { DestinationPatternError } from "../../errors.js";
import { type SelectorToken, unreadable } from "./token.js";

/** So many characters a pattern of LIKE has at most. */
const LIKE_LIMIT = 128;

/** Reads what stands behind LIKE. @throws MessageDeliveryError when it is too long, or escapes what needs none */
export function likePattern({ value, at }: SelectorToken, escaping: string | undefined): Glob {
  const given = [...value];
  if (given.length > LIKE_LIMIT) throw unreadable(`LIKE has more than ${LIKE_LIMIT} characters`, at);

  const pieces: GlobPiece[] = [];
  for (let i = 0; i < given.length; i++) {
    const character = given[i] as string;
    if (character === escaping) {
      const escaped = given[++i];
      if (escaped !== "%" && escaped !== "_" && escaped !== escaping) {
        throw unreadable("ESCAPE stands before something else than % or _", at);
      }
      pieces.push({ kind: "text", text: escaped });
    } else if (character === "%") pieces.push({ kind: "many" });
    else pieces.push(character === "_" ? { kind: "one" } : { kind: "text", text: character });
  }
  try {
    return new Glob(pieces);
  } catch (error) {
    if (!(error instanceof DestinationPatternError)) throw error;
    throw unreadable("LIKE has more than 32 characters between two %, and _ among them", at);
  }
}

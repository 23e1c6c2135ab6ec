/** Characters that some browser, proxy or script engine has mangled: they travel escaped, as SockJS wants it. */
const FRAGILE = /[\ud800-\udfff\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/g;

export const OPEN_FRAME = "o";
export const HEARTBEAT_FRAME = "h";

/** The frame that carries messages: `a["…"]`. */
export function messageFrame(messages: readonly string[]): string {
  return `a${JSON.stringify(messages).replace(FRAGILE, escaped)}`;
}

/** The frame that says why nothing follows: `c[3000,"Go away!"]`. */
export function closeFrame(code: number, reason: string): string {
  return `c${JSON.stringify([code, reason]).replace(FRAGILE, escaped)}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

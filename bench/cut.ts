/** Gives each message of what a WebSocket frame carried, and where the part begins that is not whole. */
export type Cut = (
  bytes: Buffer,
  start: number,
  end: number,
  each: (bytes: Buffer, start: number, end: number) => void,
) => number;

const NEWLINE = 10;
const SPACE = 32;
const ZERO = 48;
const CRLF = "\r\n";

/** One in each frame. */
export const oneMessage: Cut = (bytes, start, end, each) => {
  each(bytes, start, end);
  return end;
};

/** One in each line; the last has no end of line. */
export const lines: Cut = (bytes, start, end, each) => {
  for (let at = start; at < end; ) {
    const next = bytes.indexOf(NEWLINE, at);
    const stop = next < 0 || next > end ? end : next;
    if (stop > at) each(bytes, at, stop);
    at = stop + 1;
  }
  return end;
};

/** As NATS writes them: a line, and behind that of a MSG as many octets as it says, and an end of line. */
export const natsMessages: Cut = (bytes, start, end, each) => {
  let at = start;
  while (at < end) {
    const line = bytes.indexOf(CRLF, at);
    if (line < 0 || line + CRLF.length > end) break;

    const isDelivery = bytes[at] === 0x4d && bytes[at + 1] === 0x53 && bytes[at + 2] === 0x47;
    const next = line + CRLF.length + (isDelivery ? sizeBefore(bytes, line) + CRLF.length : 0);
    if (next > end) break;
    each(bytes, at, isDelivery ? next : line);
    at = next;
  }
  return at;
};

/** The number that ends there. */
function sizeBefore(bytes: Buffer, end: number): number {
  let size = 0;
  for (let at = end - 1, unit = 1; bytes[at] !== SPACE; at--, unit *= 10) {
    size += ((bytes[at] as number) - ZERO) * unit;
  }
  return size;
}

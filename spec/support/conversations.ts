import type { Dice } from "./dice.js";
import { handshakeText } from "./socket-host.js";

/** What a client writes on one line, segment by segment, and how it leaves. */
export interface Conversation {
  readonly segments: readonly Buffer[];
  /** How many messages or requests they hold. */
  readonly inputs: number;
  readonly end: "close" | "reset";
}

const DESTINATIONS = [
  ...["/topic/a", "/topic/b/c", "/queue/a", "/queue/b", "/app/echo", "/app/nobody", "/user/queue/x"],
  ...["/user/bob/queue/x", "/topic/kept", "/elsewhere", "/topic/한", `/topic/${"a".repeat(1000)}`],
];
const PATTERNS = [
  "/topic/*",
  "/topic/**",
  "/queue/*",
  "/**/a*/**",
  `/topic/*${"a".repeat(200)}*b`,
  "/topic/{x}",
];
const BODIES = ["", "hello", '{"a":[1,2]}', "{", "한글", "x".repeat(3_000)];
const SELECTORS = ["n > 1", "n LIKE '%a%'", "a IN ('b', 'c') AND NOT n = 2", "((("];

const SINCE = ["first", "now", "7", "epoch-7", "-", "한", "x".repeat(2_000)];

/** A conversation that is right, as frames. */
function frames(dice: Dice): string[] {
  const version = dice.of(["1.0", "1.1", "1.2", "1.0,1.1,1.2"]);
  const conversation = [`CONNECT\naccept-version:${version}\nhost:fuzz\nheart-beat:0,0\n\n\0`];
  for (let i = dice.roll(12); i >= 0; i--) conversation.push(frame(dice));
  if (dice.roll(3) === 0) conversation.push("DISCONNECT\nreceipt:bye\n\n\0");
  return conversation;
}

function frame(dice: Dice): string {
  const id = dice.roll(6);
  const destination = dice.of(DESTINATIONS);
  const receipt = dice.roll(3) === 0 ? `receipt:r${dice.roll(100)}\n` : "";
  const transaction = dice.roll(5) === 0 ? `transaction:t${dice.roll(3)}\n` : "";
  const body = dice.of(BODIES);
  const length = dice.roll(2) === 0 ? `content-length:${Buffer.byteLength(body)}\n` : "";
  switch (dice.roll(9)) {
    case 0:
    case 1:
    case 2:
      return `SEND\ndestination:${destination}\nn:${id}\n${transaction}${length}${receipt}\n${body}\0`;
    case 3:
      return `SUBSCRIBE\nid:${id}\ndestination:${dice.of(PATTERNS)}\nack:auto\n${receipt}\n\0`;
    case 4: {
      const ack = dice.of(["auto", "client", "client-individual"]);
      const selector = dice.roll(4) === 0 ? `selector:${dice.of(SELECTORS)}\n` : "";
      const since = dice.roll(3) === 0 ? `since:${dice.of(SINCE)}\n` : "";
      const wish = `ack:${ack}\nprefetch-count:2\n${since}${selector}`;
      return `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${wish}${receipt}\n\0`;
    }
    case 5:
      return `UNSUBSCRIBE\nid:${id}\n${receipt}\n\0`;
    case 6: {
      const named = `id:${id}\nmessage-id:${id}\nsubscription:${id}\n`;
      return `${dice.of(["ACK", "NACK"])}\n${named}${transaction}${receipt}\n\0`;
    }
    case 7:
      return `BEGIN\ntransaction:t${dice.roll(3)}\n${receipt}\n\0`;
    default:
      return `${dice.of(["COMMIT", "ABORT"])}\ntransaction:t${dice.roll(3)}\n${receipt}\n\0`;
  }
}

/** The same bytes with some changed, cut off, doubled or put in. */
function spoiled(dice: Dice, bytes: Buffer): Buffer {
  const at = dice.roll(bytes.length || 1);
  switch (dice.roll(6)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      for (let flips = 1 + dice.roll(4); flips > 0 && flipped.length > 0; flips--) {
        const place = dice.roll(flipped.length);
        flipped[place] = (flipped[place] as number) ^ (1 << dice.roll(8));
      }
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat(Array.from({ length: 1 + dice.roll(200) }, () => bytes)).subarray(0, 70_000);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(dice.roll(30)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + dice.roll(20))]);
    default:
      return Buffer.concat([Buffer.alloc(dice.roll(3_000), dice.of(["\n", "\0", "a", "\r"])), bytes]);
  }
}

/** One WebSocket frame, with a mask of zeros. */
function webSocketFrame(payload: Buffer, first = 0x81): Buffer {
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const head = Buffer.alloc(size + 4);
  head[0] = first;
  head[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) head.writeUInt16BE(length, 2);
  else if (size === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** Messages as WebSocket frames: whole, in pieces, or spoiled as frames. */
function carried(dice: Dice, message: Buffer): Buffer {
  const first = dice.of([0x81, 0x81, 0x81, 0x82]);
  if (dice.roll(8) === 0 && message.length > 1) {
    const at = 1 + dice.roll(message.length - 1);
    const begin = webSocketFrame(message.subarray(0, at), first & 0x7f);
    return Buffer.concat([
      begin,
      webSocketFrame(Buffer.from("ping"), 0x89),
      webSocketFrame(message.subarray(at), 0x80),
    ]);
  }
  const whole = webSocketFrame(message, first);
  return dice.roll(20) === 0 ? spoiled(dice, whole) : whole;
}

/** Pipelined in one segment, in several, or cut anywhere. */
function sliced(dice: Dice, pieces: readonly Buffer[]): Buffer[] {
  switch (dice.roll(4)) {
    case 0:
      return [Buffer.concat(pieces)];
    case 1: {
      const whole = Buffer.concat(pieces);
      const at = dice.roll(whole.length);
      return [whole.subarray(0, at), whole.subarray(at)];
    }
    case 2: {
      const whole = Buffer.concat(pieces);
      return [whole.subarray(0, dice.roll(whole.length))];
    }
    default:
      return [...pieces];
  }
}

/** A conversation by WebSocket, with SockJS around it or without, in which perhaps something is wrong. */
export function webSocketConversation(dice: Dice): Conversation {
  const name = dice.roll(2 ** 31);
  const path = dice.of(["/ws", "/ws", "/ws/websocket", `/ws/000/${name}/websocket`]);
  const isSockJs = path.startsWith("/ws/000/");
  const extensions = dice.of([
    null,
    null,
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate;",
  ]);
  const handshake = Buffer.from(handshakeText(path, { "Sec-WebSocket-Extensions": extensions }));
  const wrongs = dice.roll(4);
  const all = frames(dice);
  const wrongAt = dice.roll(all.length);
  const messages = all.map((text, i) => {
    const message = Buffer.from(isSockJs ? JSON.stringify([text]) : text);
    return carried(dice, wrongs > 0 && i === wrongAt ? spoiled(dice, message) : message);
  });
  const pieces = [dice.roll(30) === 0 ? spoiled(dice, handshake) : handshake, ...messages];
  return { segments: sliced(dice, pieces), inputs: pieces.length, end: dice.of(["close", "reset"]) };
}

/** A conversation by SockJS over HTTP, pipelined on one line, in which perhaps something is wrong. */
export function httpConversation(dice: Dice): Conversation {
  const session = `/ws/000/${dice.roll(2 ** 31)}`;
  const request = (path: string, body: string, method = "POST") => {
    const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const type = dice.of(["text/plain", "application/json", "application/x-www-form-urlencoded"]);
    return Buffer.from(
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${length}\r\n${body}`,
    );
  };
  const pieces = [request(`${session}/xhr`, "")];
  for (const text of frames(dice)) {
    const sender = dice.of(["xhr_send", "xhr_send", "xhr_send", "jsonp_send", "xhr_sent"]);
    const json = JSON.stringify(dice.roll(6) === 0 ? [text, text] : [text]);
    const body = dice.roll(8) === 0 ? spoiled(dice, Buffer.from(json)).toString() : json;
    pieces.push(request(`${session}/${sender}`, body, dice.of(["POST", "POST", "POST", "PUT", "OPTIONS"])));
    if (dice.roll(6) === 0) pieces.push(request("/ws/info", "", "GET"));
  }
  pieces.push(request(`${session}/${dice.of(["xhr", "xhr_streaming", "eventsource"])}`, ""));
  const wrongAt = dice.roll(3 * pieces.length);
  const spoilt = pieces.map((piece, i) => (i === wrongAt ? spoiled(dice, piece) : piece));
  return { segments: sliced(dice, spoilt), inputs: pieces.length, end: dice.of(["close", "reset"]) };
}

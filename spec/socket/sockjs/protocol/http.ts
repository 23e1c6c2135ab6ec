import { type Conversation, OPENED } from "./conversation.js";
import type { Dialogue } from "./dialogue.js";

const COOKIE = "JSESSIONID=dummy; path=/";

/** Asks twice on one line, and gives what comes back. */
async function greetTwice(talk: Dialogue, version: string): Promise<string> {
  const request = (connection: string) =>
    `GET /echo HTTP/${version}\r\nHost: HOST\r\nConnection: ${connection}\r\n\r\n`;
  return await talk.line(request("keep-alive") + request("close"));
}

function greetings(text: string): string {
  return String(text.split("Welcome to SockJS!\n").length - 1);
}

async function streamUntilClosed(talk: Dialogue, version: string): Promise<void> {
  const text = await talk.line(
    `POST ${talk.session("/close")}/xhr_streaming HTTP/${version}\r\nHost: HOST\r\n` +
      "Content-Length: 0\r\nConnection: close\r\n\r\n",
  );
  const [head = "", ...rest] = text.split("\r\n\r\n");
  talk.fact("the answer", "length", String(/^content-length/im.test(head)), "false");
  talk.fact(
    "the answer",
    "chunks",
    String(/^transfer-encoding: chunked/im.test(head)),
    String(version === "1.1"),
  );
  const frames = rest.join("\r\n\r\n").match(/^(h{2048}|o|c\[.*\])$/gm) ?? [];
  talk.fact("the answer", "frames", frames.join(" "), `${"h".repeat(2048)} o c[3000,"Go away!"]`);
}

/** Cookies, and versions of HTTP. */
export const HTTP: readonly Conversation[] = [
  ...["xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"].map((transport) => ({
    name: `sets the cookie for load balancers by ${transport}`,
    async hold(talk: Dialogue) {
      const method = transport.startsWith("xhr") ? "POST" : "GET";
      const headers = { "set-cookie": COOKIE };
      const url = `${talk.session("/cookie_needed_echo")}/${transport}?c=callback`;
      const stream = await talk.stream(method, url, { status: 200, headers });
      stream.leave();
    },
  })),
  {
    name: "sets the cookie that it is sent",
    async hold(talk) {
      const headers = { "set-cookie": "JSESSIONID=abcdef; path=/" };
      const said = { headers: { Cookie: "JSESSIONID=abcdef" } };
      await talk.post(`${talk.session("/cookie_needed_echo")}/xhr`, { ...OPENED, headers }, said);
    },
  },
  {
    name: "greets by HTTP/1.0, without chunks",
    async hold(talk) {
      const text = await greetTwice(talk, "1.0");
      talk.fact("the answer", "chunks", String(/^transfer-encoding/im.test(text)), "false");
      // Who does not say how long an answer is has to close behind it.
      const hasLength = /^content-length: 19/im.test(text);
      talk.fact("the answer", "greetings", greetings(text), hasLength ? "2" : "1");
    },
  },
  {
    name: "greets by HTTP/1.1, twice on one line",
    async hold(talk) {
      talk.fact("the answers", "greetings", greetings(await greetTwice(talk, "1.1")), "2");
    },
  },
  { name: "streams by HTTP/1.0", hold: (talk) => streamUntilClosed(talk, "1.0") },
  { name: "streams by HTTP/1.1", hold: (talk) => streamUntilClosed(talk, "1.1") },
];

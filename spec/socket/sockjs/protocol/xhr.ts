import {
  type Conversation,
  NOT_ALLOWED,
  NOT_CACHED,
  NOT_FOUND,
  OPENED,
  OWN_ORIGIN,
  preflight,
  SCRIPT,
  TAKEN,
  TEXT,
} from "./conversation.js";

const PRELUDE = `${"h".repeat(2048)}\n`;

/** Polling and streaming by XMLHttpRequest. */
export const XHR: readonly Conversation[] = [
  {
    name: "lets other origins poll, if they ask first",
    hold: (talk) => preflight(talk, "/echo/abc/abc/xhr", "OPTIONS, POST"),
  },
  {
    name: "lets other origins send, if they ask first",
    hold: (talk) => preflight(talk, "/echo/abc/abc/xhr_send", "OPTIONS, POST"),
  },
  {
    name: "lets other origins stream, if they ask first",
    hold: (talk) => preflight(talk, "/echo/abc/abc/xhr_streaming", "OPTIONS, POST"),
  },
  {
    name: "polls",
    async hold(talk) {
      const url = talk.session();
      const said = { headers: { Origin: talk.origin } };
      await talk.post(
        `${url}/xhr`,
        { ...OPENED, headers: { ...SCRIPT, ...OWN_ORIGIN, ...NOT_CACHED } },
        said,
      );
      const taken = { ...TAKEN, headers: { ...TEXT, ...OWN_ORIGIN, ...NOT_CACHED } };
      await talk.post(`${url}/xhr_send`, taken, { ...said, body: '["x"]' });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["x"]\n' });
    },
  },
  {
    name: "takes no messages for a session that was never opened",
    hold: async (talk) => void (await talk.post(`${talk.session()}/xhr_send`, NOT_FOUND, { body: '["x"]' })),
  },
  {
    name: "refuses what is no JSON, and nothing at all",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, { status: 500 }, { body: '["x' });
      await talk.post(`${url}/xhr_send`, { status: 500 });
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]' });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["a"]\n' });
    },
  },
  {
    name: "takes messages whatever their content type",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const types = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml; charset=utf-8",
        "text/xml",
      ];
      for (const type of types) {
        await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]', headers: { "Content-Type": type } });
      }
      await talk.post(`${url}/xhr`, { status: 200, body: `a[${types.map(() => '"a"').join()}]\n` });
    },
  },
  {
    name: "allows the headers that it is asked for",
    async hold(talk) {
      const asked = [
        { "Access-Control-Request-Headers": "a, b, c" },
        { "Access-Control-Request-Headers": "" },
        {},
      ];
      for (const [i, more] of asked.entries()) {
        const headers = { Origin: talk.origin, "Access-Control-Request-Method": "POST", ...more };
        const allowed = { ...OWN_ORIGIN, "access-control-allow-headers": i === 0 ? "a, b, c" : undefined };
        await talk.ask("OPTIONS", `${talk.session()}/xhr`, { status: 204, headers: allowed }, { headers });
      }
    },
  },
  {
    name: "takes requests without messages",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, { status: 204 }, { body: "[]" });
      await talk.post(`${url}/xhr_send`, { status: 204 }, { body: '["a"]' });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["a"]\n' });
    },
  },
  {
    name: "allows only the methods that transports have",
    async hold(talk) {
      const url = talk.session();
      for (const transport of ["xhr", "xhr_send", "xhr_streaming"]) {
        await talk.get(`${url}/${transport}`, NOT_ALLOWED);
      }
      await talk.post(`${url}/eventsource`, NOT_ALLOWED);
      await talk.post(`${url}/htmlfile`, NOT_ALLOWED);
      await talk.post(`${url}/jsonp`, NOT_ALLOWED);
      await talk.get(`${url}/jsonp_send`, NOT_ALLOWED);
    },
  },
  {
    name: "streams",
    async hold(talk) {
      const url = talk.session();
      const headers = { ...SCRIPT, ...OWN_ORIGIN, ...NOT_CACHED };
      const said = { headers: { Origin: talk.origin } };
      const stream = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200, headers }, said);
      await stream.hear("\n", PRELUDE);
      await stream.hear("\n", "o\n");
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["x"]' });
      await stream.hear("\n", 'a["x"]\n');
      stream.leave();
    },
  },
  {
    name: "ends a stream that has carried enough",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
      await stream.hear("\n", PRELUDE);
      await stream.hear("\n", "o\n");
      const text = "x".repeat(128);
      for (let i = 0; i < 31; i++) {
        await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${text}"]` });
        await stream.hear("\n", `a["${text}"]\n`);
      }
      await stream.ends();
    },
  },
  {
    name: "goes on on the next stream",
    async hold(talk) {
      const url = talk.session();
      const first = await talk.stream("POST", `${url}/xhr_streaming`);
      await first.hear("o\n");
      await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${"x".repeat(4096)}"]` });
      await first.hear("]\n");
      await first.ends();
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]' });
      const second = await talk.stream("POST", `${url}/xhr_streaming`);
      await second.hear("\n", PRELUDE);
      await second.hear("\n", 'a["a"]\n');
      second.leave();
    },
  },
  {
    name: "escapes what browsers mangle",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const text = characters((code) => code > 254 && FRAGILE_FROM_SERVERS.test(String.fromCharCode(code)));
      await talk.post(`${url}/xhr_send`, TAKEN, { body: JSON.stringify([text]) });
      const escapes = [...Array(text.length).keys()].map(
        (i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`,
      );
      await talk.post(`${url}/xhr`, { status: 200, body: `a["${escapes.join("")}"]\n` });
    },
  },
  {
    name: "reads what clients escape",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const text = characters((code) => ESCAPED_BY_CLIENTS.some(([from, to]) => code >= from && code <= to));
      const escapes = [...text].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${escapes.join("")}"]` });
      const body = await talk.post(`${url}/xhr`, { status: 200 });
      const is = (JSON.parse(body.slice(1)) as string[]).join("");
      talk.fact("then", "text", is === text ? "as it was sent" : "another", "as it was sent");
    },
  },
];

/** Blocks with characters that some browser mangles when it sends them. */
const ESCAPED_BY_CLIENTS: readonly (readonly [from: number, to: number])[] = [
  [0x0000, 0x001f],
  [0x007f, 0x00ad],
  [0x0300, 0x0387],
  [0x0591, 0x07eb],
  [0x0951, 0x0b5d],
  [0x0e38, 0x0fb9],
  [0x17b4, 0x17b5],
  [0x1939, 0x212b],
  [0xf900, 0xfb4e],
  [0xfeff, 0xfeff],
  [0xfff0, 0xffff],
];

/** Of the characters that a server has to escape, those above control characters that JSON escapes by itself. */
const FRAGILE_FROM_SERVERS = /[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/;

function characters(isOne: (code: number) => boolean): string {
  return [...Array(0x10000).keys()]
    .filter(isOne)
    .map((code) => String.fromCharCode(code))
    .join("");
}

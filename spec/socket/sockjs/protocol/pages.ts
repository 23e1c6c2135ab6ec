import { type Conversation, FORM, NOT_CACHED, NOT_FOUND, SCRIPT, TAKEN, TEXT } from "./conversation.js";
import type { Dialogue } from "./dialogue.js";

const EVENTS = { "content-type": "text/event-stream", ...NOT_CACHED };
const HTML = { "content-type": "text/html; charset=UTF-8", ...NOT_CACHED };
const OK = { status: 200, body: "ok" };
const SCRIPT_END = "</script>\r\n";
const HEAD = `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.callback;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;

async function sendForm(talk: Dialogue, url: string, json: string): Promise<void> {
  const body = `d=${encodeURIComponent(json)}`;
  await talk.post(`${url}/jsonp_send`, OK, { body, headers: FORM });
}

async function askWithoutCallback(talk: Dialogue, transport: string): Promise<void> {
  const body = await talk.get(`/echo/a/a/${transport}`, { status: 500 });
  const says = body.includes('"callback" parameter required');
  talk.fact("the answer", "says that a callback is missing", String(says), "true");
}

async function askWithBrokenCallback(talk: Dialogue, transport: string): Promise<void> {
  for (const callback of ["%20", "*", "abc(", "abc%28"]) {
    const body = await talk.get(`/echo/a/a/${transport}?c=${callback}`, { status: 500 });
    const says = body.includes('invalid "callback" parameter');
    talk.fact(callback, "says that the callback is none", String(says), "true");
  }
}

/** Transports that browsers read by other means: eventsource, htmlfile, jsonp. */
export const PAGES: readonly Conversation[] = [
  {
    name: "tells events",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/eventsource`, { status: 200, headers: EVENTS });
      await stream.hear("\r\n", "\r\n");
      await stream.hear("\r\n\r\n", "data: o\r\n\r\n");
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["x"]' });
      await stream.hear("\r\n\r\n", 'data: a["x"]\r\n\r\n');
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["  \\u0000\\n\\r "]' });
      await stream.hear("\r\n\r\n", 'data: a["  \\u0000\\n\\r "]\r\n\r\n');
      stream.leave();
    },
  },
  {
    name: "tells events to a page of the server's own",
    async hold(talk) {
      const said = { headers: { Origin: talk.origin } };
      const expected = { status: 200, headers: { "access-control-allow-credentials": "true" } };
      const stream = await talk.stream("GET", `${talk.session()}/eventsource`, expected, said);
      await stream.hear("data: o\r\n\r\n");
      stream.leave();
    },
  },
  {
    name: "escapes percent signs in events, which clients decode",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/eventsource`);
      await stream.hear("data: o\r\n\r\n");
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["100% %25 %0a"]' });
      await stream.hear("\r\n\r\n", 'data: a["100%25 %2525 %250a"]\r\n\r\n');
      stream.leave();
    },
  },
  {
    name: "ends events that have carried enough",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/eventsource`);
      await stream.hear("data: o\r\n\r\n");
      const text = "x".repeat(4096);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${text}"]` });
      await stream.hear("\r\n\r\n", `data: a["${text}"]\r\n\r\n`);
      await stream.ends();
    },
  },
  {
    name: "closes events",
    async hold(talk) {
      const stream = await talk.stream("GET", `${talk.session("/close")}/eventsource`);
      await stream.hear("\r\n", "\r\n");
      await stream.hear("\r\n\r\n", "data: o\r\n\r\n");
      await stream.hear("\r\n\r\n", 'data: c[3000,"Go away!"]\r\n\r\n');
      await stream.ends();
    },
  },
  {
    name: "writes a page that never ends",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/htmlfile?c=%63allback`, { status: 200, headers: HTML });
      const page = await stream.hear("\r\n\r\n");
      talk.fact("the page", "without blanks at its end", page.trimEnd(), HEAD);
      talk.fact("the page", "has more than 1,024 bytes", String(page.length > 1024), "true");
      await stream.hear(SCRIPT_END, '<script>\np("o");\n</script>\r\n');
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["x"]' });
      await stream.hear(SCRIPT_END, '<script>\np("a[\\"x\\"]");\n</script>\r\n');
      stream.leave();
    },
  },
  {
    name: "keeps a page from being ended by a message",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/htmlfile?c=callback`);
      await stream.hear("\r\n\r\n");
      await stream.hear(SCRIPT_END);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["</script>\\r\\n"]' });
      const script = await stream.hear("</script>\r\n");
      talk.fact("the script", "times that it ends", String(script.split("</script>").length - 1), "1");
      stream.leave();
    },
  },
  { name: "writes no page without a callback", hold: (talk) => askWithoutCallback(talk, "htmlfile") },
  { name: "writes no page for what is no callback", hold: (talk) => askWithBrokenCallback(talk, "htmlfile") },
  {
    name: "ends a page that has carried enough",
    async hold(talk) {
      const url = talk.session();
      const stream = await talk.stream("GET", `${url}/htmlfile?c=callback`);
      await stream.hear("\r\n\r\n");
      await stream.hear(SCRIPT_END, '<script>\np("o");\n</script>\r\n');
      const text = "x".repeat(4096);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${text}"]` });
      await stream.hear(SCRIPT_END, `<script>\np("a[\\"${text}\\"]");\n</script>\r\n`);
      await stream.ends();
    },
  },
  {
    name: "calls back",
    async hold(talk) {
      const url = talk.session();
      const headers = { ...SCRIPT, ...NOT_CACHED };
      await talk.get(`${url}/jsonp?c=%63allback`, { status: 200, body: '/**/callback("o");\r\n', headers });
      const body = "d=%5B%22x%22%5D";
      await talk.post(
        `${url}/jsonp_send`,
        { ...OK, headers: { ...TEXT, ...NOT_CACHED } },
        { body, headers: FORM },
      );
      await talk.get(`${url}/jsonp?c=%63allback`, {
        status: 200,
        body: '/**/callback("a[\\"x\\"]");\r\n',
      });
    },
  },
  { name: "calls nobody back without a callback", hold: (talk) => askWithoutCallback(talk, "jsonp") },
  { name: "calls nobody back for what is no callback", hold: (talk) => askWithBrokenCallback(talk, "jsonp") },
  {
    name: "calls no callback with a dash or a name without end",
    async hold(talk) {
      await talk.get(`${talk.session()}/jsonp?c=a-b`);
      await talk.get(`${talk.session()}/jsonp?c=${"a".repeat(33)}`, { status: 500 });
    },
  },
  {
    name: "refuses a form with what is no JSON, and without messages",
    async hold(talk) {
      const url = talk.session();
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("o");\r\n' });
      for (const body of ["d=%5B%22x", "", "d=", "p=p"]) {
        await talk.post(`${url}/jsonp_send`, { status: 500 }, { body, headers: FORM });
      }
      await sendForm(talk, url, '["b"]');
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("a[\\"b\\"]");\r\n' });
    },
  },
  {
    name: "takes a form, and plain text too",
    async hold(talk) {
      const url = talk.session();
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("o");\r\n' });
      await sendForm(talk, url, '["abc"]');
      const headers = { "Content-Type": "text/plain" };
      await talk.post(`${url}/jsonp_send`, OK, { body: '["%61bc"]', headers });
      await talk.get(`${url}/jsonp?c=x`, {
        status: 200,
        body: '/**/x("a[\\"abc\\",\\"%61bc\\"]");\r\n',
      });
    },
  },
  {
    name: "calls back that a session is closed",
    async hold(talk) {
      const url = talk.session("/close");
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("o");\r\n' });
      for (let i = 0; i < 2; i++) {
        await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("c[3000,\\"Go away!\\"]");\r\n' });
      }
    },
  },
  {
    name: "takes forms without messages",
    async hold(talk) {
      const url = talk.session();
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("o");\r\n' });
      await sendForm(talk, url, "[]");
      await sendForm(talk, url, '["x"]');
      await talk.get(`${url}/jsonp?c=x`, { status: 200, body: '/**/x("a[\\"x\\"]");\r\n' });
    },
  },
  {
    name: "takes no form for a session that there is not",
    async hold(talk) {
      await talk.post(`${talk.session()}/jsonp_send`, NOT_FOUND, { body: "d=%5B%5D", headers: FORM });
    },
  },
];

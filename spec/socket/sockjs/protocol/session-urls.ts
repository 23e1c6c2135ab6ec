import { type Conversation, NOT_FOUND, OPENED, TAKEN } from "./conversation.js";

const ANOTHER = 'c[2010,"Another connection still open"]\n';
const GO_AWAY = 'c[3000,"Go away!"]\n';

/** Sessions: how they begin, go on, and end. */
export const SESSION_URLS: readonly Conversation[] = [
  {
    name: "lets clients choose any names for server and session",
    async hold(talk) {
      for (const session of ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"]) {
        await talk.post(`/echo${session}/xhr`, OPENED);
      }
    },
  },
  {
    name: "has no sessions without names, with dots, or in other places",
    async hold(talk) {
      for (const rest of ["//", "/a./a", "/a/a.", "/./.", "/", "///"]) {
        await talk.get(`/echo${rest}/xhr`, NOT_FOUND);
        await talk.post(`/echo${rest}/xhr`, NOT_FOUND);
      }
    },
  },
  {
    name: "knows a session by its own name, whatever the server is called",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]' });
      await talk.post(`${url.replace("/000/", "/999/")}/xhr`, { status: 200, body: 'a["a"]\n' });
    },
  },
  {
    name: "opens a session, takes a message, and gives it back",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]' });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["a"]\n' });
    },
  },
  {
    name: "gives back what has come meanwhile in one answer",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      for (const text of ["a", "b", "c"]) await talk.post(`${url}/xhr_send`, TAKEN, { body: `["${text}"]` });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["a","b","c"]\n' });
    },
  },
  {
    name: "takes several messages in one request",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a","b"]' });
      await talk.post(`${url}/xhr`, { status: 200, body: 'a["a","b"]\n' });
    },
  },
  {
    name: "takes no messages for a session that there is not",
    hold: async (talk) =>
      void (await talk.post("/echo/000/bad_session/xhr_send", NOT_FOUND, { body: '["a"]' })),
  },
  {
    name: "lets one request wait on a session, and tells a second one so",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const first = await talk.wait("POST", `${url}/xhr`);
      await talk.post(`${url}/xhr`, { status: 200, body: ANOTHER });
      first.leave();
    },
  },
  {
    name: "closes a session, and says so as often as it is asked",
    async hold(talk) {
      const url = talk.session("/close");
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr`, { status: 200, body: GO_AWAY });
      await talk.post(`${url}/xhr`, { status: 200, body: GO_AWAY });
    },
  },
  {
    name: "forgets a session that nobody asks for any more",
    async hold(talk) {
      const url = talk.session("/forgetful");
      await talk.post(`${url}/xhr`, OPENED);
      await talk.until(`${url}/xhr_send`, 404);
      await talk.post(`${url}/xhr`, OPENED);
    },
  },
  {
    name: "gives a sign of life to who waits",
    async hold(talk) {
      const url = talk.session("/lively");
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr`, { status: 200, body: "h\n" });
      await talk.post(`${url}/xhr`, { status: 200, body: "h\n" });
    },
  },
  {
    name: "gives a sign of life on a stream",
    async hold(talk) {
      const stream = await talk.stream("POST", `${talk.session("/lively")}/xhr_streaming`, { status: 200 });
      await stream.hear("o\n");
      await stream.hear("\n", "h\n");
      await stream.hear("\n", "h\n");
      stream.leave();
    },
  },
  {
    name: "closes a stream, and tells the next one too",
    async hold(talk) {
      const url = talk.session("/close");
      for (const first of ["o\n", undefined]) {
        const stream = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
        await stream.hear("\n", `${"h".repeat(2048)}\n`);
        if (first !== undefined) await stream.hear("\n", first);
        await stream.hear("\n", GO_AWAY);
        await stream.ends();
      }
    },
  },
  {
    name: "lets one stream be open on a session, and tells a second one so",
    async hold(talk) {
      const url = talk.session();
      const first = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
      await first.hear("o\n");
      const second = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
      await second.hear("\n");
      await second.hear("\n", ANOTHER);
      await second.ends();
      first.leave();
    },
  },
  {
    name: "ends a session whose stream is cut",
    async hold(talk) {
      const url = talk.session();
      const first = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
      await first.hear("o\n");
      first.leave();
      await talk.until(`${url}/xhr_send`, 404);
      const next = await talk.stream("POST", `${url}/xhr_streaming`, { status: 200 });
      await next.hear("\n");
      await next.hear("\n", "o\n");
      next.leave();
    },
  },
  {
    name: "ends a session whose request is cut while it waits",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const first = await talk.wait("POST", `${url}/xhr`);
      first.leave();
      await talk.until(`${url}/xhr_send`, 404);
      await talk.post(`${url}/xhr`, OPENED);
    },
  },
];

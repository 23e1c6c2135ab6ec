import { type Conversation, OPENED, TAKEN } from "./conversation.js";

const STRANGER = { headers: { Origin: "https://evil.example" } };

/** What the protocol's text leaves open, and sockjs-node answers in its own way. */
export const BEYOND: readonly Conversation[] = [
  {
    name: "hears a page of a stranger",
    async hold(talk) {
      await talk.get("/echo/info", {}, STRANGER);
      await talk.post(`${talk.session()}/xhr`, {}, STRANGER);
      const stream = await talk.stream("GET", `${talk.session()}/eventsource`, {}, STRANGER);
      stream.leave();
    },
  },
  {
    name: "hears a page of a stranger that asks first",
    async hold(talk) {
      const headers = { ...STRANGER.headers, "Access-Control-Request-Method": "POST" };
      await talk.ask("OPTIONS", `${talk.session()}/xhr_send`, {}, { headers });
    },
  },
  {
    name: "carries a session by another transport than it began with",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      const stream = await talk.stream("POST", `${url}/xhr_streaming`);
      stream.leave();
    },
  },
  {
    name: "takes messages for the session of another service",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url.replace("/echo", "/friends")}/xhr_send`, {}, { body: '["a"]' });
    },
  },
  {
    name: "hands on what is no text",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, {}, { body: "[1]" });
    },
  },
  {
    name: "refuses JSON that is no array",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      for (const body of ['"a"', '{"0":"a"}', "null", "a"])
        await talk.post(`${url}/xhr_send`, { status: 500 }, { body });
    },
  },
  {
    name: "refuses a content type that nobody knows",
    async hold(talk) {
      const url = talk.session();
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, {}, { body: '["a"]', headers: { "Content-Type": "image/png" } });
    },
  },
  {
    name: "takes messages for a session that is closed",
    async hold(talk) {
      const url = talk.session("/close");
      await talk.post(`${url}/xhr`, OPENED);
      await talk.post(`${url}/xhr_send`, TAKEN, { body: '["a"]' });
    },
  },
  {
    name: "tests for chunks, as SockJS 0.1 did",
    async hold(talk) {
      const stream = await talk.stream("POST", "/echo/chunking_test");
      stream.leave();
    },
  },
  {
    name: "serves no session with a name that nobody would choose",
    hold: async (talk) => void (await talk.post(`/echo/000/${"s".repeat(257)}/xhr`)),
  },
];

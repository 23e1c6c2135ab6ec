import {
  CACHED,
  type Conversation,
  NO_COOKIE,
  NOT_CACHED,
  NOT_FOUND,
  OWN_ORIGIN,
  preflight,
  TEXT,
} from "./conversation.js";
import type { Dialogue } from "./dialogue.js";
import { CLIENT_LIBRARY, FRIEND } from "./servers.js";

const PAGE = `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${CLIENT_LIBRARY}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>`;

async function askPage(talk: Dialogue, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const headers = {
      ...CACHED,
      ...NO_COOKIE,
      "content-type": "text/html; charset=UTF-8",
      etag: "a tag",
      "last-modified": undefined,
    };
    await talk.get(path, { status: 200, body: PAGE, headers });
  }
}

/** What `/info` says, with the number that is never the same written as what it is. */
async function askInfo(talk: Dialogue, service: string, origin?: string): Promise<void> {
  const headers = {
    "content-type": "application/json; charset=UTF-8",
    ...NOT_CACHED,
    ...NO_COOKIE,
    ...(origin === undefined ? undefined : OWN_ORIGIN),
  };
  const said = origin === undefined ? {} : { headers: { Origin: origin } };
  const { entropy, ...info } = await talk.json(`${service}/info`, { status: 200, headers }, said);
  const isNumber = Number.isInteger(entropy) && (entropy as number) >= 0 && (entropy as number) < 2 ** 32;
  talk.fact("info", "entropy", isNumber ? "a number of 32 bits" : String(entropy), "a number of 32 bits");
  for (const [name, value] of Object.entries(info)) talk.fact("info", name, JSON.stringify(value));
}

/** The URLs that belong to no session. */
export const STATIC_URLS: readonly Conversation[] = [
  {
    name: "greets at the base URL, with and without a slash",
    async hold(talk) {
      const expected = { status: 200, body: "Welcome to SockJS!\n", headers: { ...TEXT, ...NO_COOKIE } };
      await talk.get("/echo", expected);
      await talk.get("/echo/", expected);
    },
  },
  {
    name: "has nothing at URLs like it",
    async hold(talk) {
      for (const rest of ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"]) {
        await talk.get(`/echo${rest}`, NOT_FOUND);
      }
    },
  },
  {
    name: "refuses to be greeted by POST",
    hold: async (talk) => void (await talk.post("/echo", { status: 405 })),
  },
  {
    name: "serves the page for iframes",
    hold: (talk) => askPage(talk, ["/echo/iframe.html"]),
  },
  {
    name: "serves the page for iframes of any version",
    hold: (talk) =>
      askPage(
        talk,
        ["a", "", "0.1.2", "0.1.2abc-dirty.2144"].map((version) => `/echo/iframe-${version}.html`),
      ),
  },
  {
    name: "serves the page for iframes whatever the query",
    hold: (talk) =>
      askPage(talk, [
        "/echo/iframe-a.html?t=1234",
        "/echo/iframe-0.1.2.html?t=123414",
        "/echo/iframe-0.1.2abc-dirty.2144.html?t=qweqweq123",
      ]),
  },
  {
    name: "has no page for iframes at URLs like its own",
    async hold(talk) {
      for (const name of [
        "iframe.htm",
        "iframe",
        "IFRAME.HTML",
        "IFRAME",
        "iframe.HTML",
        "iframe.xml",
        "iframe-/.html",
      ]) {
        await talk.get(`/echo/${name}`, NOT_FOUND);
      }
    },
  },
  {
    name: "serves the page for iframes once, as long as it is the same",
    async hold(talk) {
      const tags: string[] = [];
      for (let i = 0; i < 2; i++) tags.push(await talk.tag("/echo/iframe.html"));
      talk.fact("both", "tags", tags[0] === tags[1] ? "equal" : tags.join(), "equal");
      const said = { headers: { "If-None-Match": tags[0] as string } };
      await talk.get(
        "/echo/iframe.html",
        { status: 304, body: "", headers: { "content-type": undefined } },
        said,
      );
    },
  },
  {
    name: "tells what it can",
    hold: (talk) => askInfo(talk, "/echo", talk.origin),
  },
  {
    name: "tells what it can to who names no origin",
    hold: (talk) => askInfo(talk, "/echo"),
  },
  {
    name: "tells a number that is never the same",
    async hold(talk) {
      const numbers = new Set<unknown>();
      for (let i = 0; i < 3; i++) numbers.add((await talk.json("/echo/info")).entropy);
      talk.fact("three times", "different numbers", String(numbers.size), "3");
    },
  },
  {
    name: "tells other origins what it can, if they ask first",
    hold: (talk) => preflight(talk, "/echo/info", "OPTIONS, GET"),
  },
  {
    name: "tells a page without an origin what it can, if it asks first",
    async hold(talk) {
      const headers = { Origin: "null", "Access-Control-Request-Method": "POST" };
      const expected = { status: 204, body: "", headers: { "access-control-allow-origin": "null" } };
      await talk.ask("OPTIONS", "/friends/info", expected, { headers });
    },
  },
  {
    name: "tells the page of a friend what it can",
    async hold(talk) {
      const headers = { "access-control-allow-origin": FRIEND, "access-control-allow-credentials": "true" };
      await talk.json("/friends/info", { status: 200, headers }, { headers: { Origin: FRIEND } });
    },
  },
  {
    name: "tells that WebSocket is off",
    hold: (talk) => askInfo(talk, "/disabled_websocket_echo"),
  },
  {
    name: "tells that a cookie is needed, and sets none",
    hold: (talk) => askInfo(talk, "/cookie_needed_echo"),
  },
  {
    name: "allows two methods for what it can",
    hold: async (talk) => void (await talk.post("/echo/info", { status: 405 })),
  },
];

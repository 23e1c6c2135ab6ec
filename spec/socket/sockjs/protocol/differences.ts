import type { Dialogue } from "./dialogue.js";

/** Something that our answer has and sockjs-node's has not, or that the protocol wants otherwise. */
export interface Fact {
  /** What was asked. */
  readonly step: string;
  /** The header's name, `status`, `body`, or what else it is. */
  readonly what: string;
  readonly protocol: string | undefined;
  readonly node: string | undefined;
  readonly ours: string | undefined;
}

export interface Difference {
  readonly reason: string;
  covers(fact: Fact): boolean;
}

/** A header that we send, with this value, where sockjs-node sends none. */
function sends(name: string, value: string | RegExp): Difference["covers"] {
  return ({ what, node, ours = "" }) =>
    what === name && isAbsent(node) && (typeof value === "string" ? value === ours : value.test(ours));
}

/** A header that sockjs-node sends, with such a value, where we send none. */
function leavesOut(name: string, value: RegExp): Difference["covers"] {
  return ({ what, node = "", ours }) => what === name && isAbsent(ours) && value.test(node);
}

/** Steps to URLs like this that are answered otherwise. */
function answers(step: RegExp, what: string, node: string, ours: string): Difference["covers"] {
  return (fact) => step.test(fact.step) && fact.what === what && fact.node === node && fact.ours === ours;
}

function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === "none";
}

/** Every way in which our answers are not those of sockjs-node 0.3.24. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  "a page of another origin is refused": {
    reason:
      "sockjs-node lets any page act for its visitor, with the visitor's cookies. Here it has to be allowed.",
    covers: (fact) =>
      ["200", "204"].includes(fact.node ?? "") && fact.ours === "403" && fact.what === "status",
  },
  "who names no origin is not told that all may ask": {
    reason:
      "Such a request comes from no other page. Where a proxy takes Origin off, `*` would let every page read.",
    covers: leavesOut("access-control-allow-origin", /^\*$/),
  },
  "caches are told that an answer depends on its origin": {
    reason:
      "Another origin is answered 403 wherever it asks, so Vary is right on every answer of an endpoint.",
    covers: sends("vary", "Origin"),
  },
  "browsers are told not to guess the type": {
    reason: "A message of a client's must never be taken for script or HTML.",
    covers: sends("x-content-type-options", "nosniff"),
  },
  "pages of other sites may not frame ours, nor save a callback as a file": {
    reason:
      "jsonp, htmlfile and the page for iframes do not tell whose page uses them: they are for the server's own.",
    covers: (fact) =>
      sends("x-frame-options", "SAMEORIGIN")(fact) ||
      sends("content-disposition", 'inline; filename="f.txt"')(fact) ||
      sends("content-security-policy", /^default-src 'none'; .*frame-ancestors 'self'$/)(fact),
  },
  "document.domain is not set": {
    reason:
      "It lets pages of other ports into the frame. Browsers that know it compare it on both sides, so both go without.",
    covers: ({ node = "", ours = "" }) =>
      node.includes(DOCUMENT_DOMAIN) &&
      withoutPadding(node.replace(DOCUMENT_DOMAIN, "")) === withoutPadding(ours),
  },
  "a message cannot end the script that it is in": {
    reason: "sockjs-node's htmlfile writes </script> as it comes: what follows runs as a script of the page.",
    covers: ({ step, what, node, ours }) =>
      (what === "times that it ends" && node === "2" && ours === "1") ||
      (step.includes("/htmlfile") && what.startsWith("piece") && node === unescapedHtml(ours ?? "")),
  },
  "a stream is not held back by proxies": {
    reason: "nginx would gather it until it is full.",
    covers: sends("x-accel-buffering", "no"),
  },
  "a session's errors are in words": {
    reason: "The protocol leaves them open; each says what was wrong, as a line of plain text.",
    covers: (fact) =>
      sends("content-type", "text/plain; charset=UTF-8")(fact) ||
      (fact.what === "body" && isInOurWords(fact.node ?? "", fact.ours ?? "")),
  },
  "what is off is not called absent for a year": {
    reason: "sockjs-node lets caches keep the 404 of a WebSocket that is off; tomorrow it may be on.",
    covers: (fact) =>
      fact.step.includes("/disabled_websocket_echo") &&
      (leavesOut("cache-control", /^public, max-age=31536000$/)(fact) ||
        leavesOut("expires", /^in a year$/)(fact)),
  },
  "304 has the tag": {
    reason: "RFC 9110, 15.4.5, wants what 200 would have.",
    covers: sends("etag", "a tag"),
  },
  "no cookie of our own": {
    reason:
      "As in Spring: load balancers set theirs, and an application's session has one. /info says that it is needed.",
    covers: leavesOut("set-cookie", /^JSESSIONID=\w+; path=\/$/),
  },
  "a WebSocket's own close says what SockJS's does": {
    reason: "Code and reason are in WebSocket's close frame too, where every tool and log shows them.",
    covers: ({ what, node, ours }) =>
      what === "close" && node === "1000 Normal closure" && ours === "3000 Go away!",
  },
  "a client's close is answered with its own code": {
    reason: "RFC 6455, 5.5.1: the close frame is echoed, here one without a code.",
    covers: ({ what, node, ours }) => what === "close" && node === "1000" && ours === "1005",
  },
  "a broken message is told as such on a WebSocket": {
    reason: "The protocol wants an end at once; 1007 is WebSocket's code for data that cannot be read.",
    covers: ({ what, node, ours }) =>
      (what === "close" && node === "3000 Broken framing." && ours === "1007 Broken JSON encoding.") ||
      (what === "what else it heard" && node === "" && ours === 'c[1007,"Broken JSON encoding."]'),
  },
  "a WebSocket's sign of life is a frame": {
    reason: "It is what the protocol's text says, and what clients can see. sockjs-node pings, since 0.3.20.",
    covers: ({ what, node, ours }) => what === "sign of life" && node === "ping" && ours === "h",
  },
  "drafts of WebSocket are not spoken": {
    reason:
      "Hixie-76 has no frame limits and is in no browser since 2012; websocket-driver's had CVE-2026-54466.",
    covers: answers(/^handshake$/, "status", "HTTP/1.1 101", "HTTP/1.1 426"),
  },
  "messages of one request are one text": {
    reason: "STOMP is a stream: clients cut frames as they like, and a session reads them without the cuts.",
    covers: answers(/\/xhr$/, "body", 'a["a","b"]\n', 'a["ab"]\n'),
  },
  "a session keeps the transport that it began with": {
    reason: "As in Spring: another one is not the same client going on.",
    covers: answers(/^\d+ POST .*\/xhr_streaming$/, "status", "200", "404"),
  },
  "a session belongs to its endpoint": {
    reason:
      "sockjs-node has one table of sessions for all its services: what one lets in, another one hears.",
    covers: answers(/\/friends\/.*\/xhr_send$/, "status", "204", "404"),
  },
  "what is no text is refused": {
    reason: "sockjs-node hands numbers and objects to whoever expects texts.",
    covers: answers(/\/xhr_send$/, "status", "204", "500"),
  },
  "a body counts, whatever its type is called": {
    reason:
      "It is text in JSON or it is not; origins are checked whatever the type is, so none has to be kept out.",
    covers: answers(/\/xhr_send$/, "status", "500", "204"),
  },
  "a callback has no dash": {
    reason: "a-b is no name of a function in script, but a subtraction.",
    covers: answers(/\?c=a-b$/, "status", "200", "500"),
  },
  "SockJS 0.1 is not served": {
    reason: "Its /chunking_test went with 0.2; it holds a request open for seconds.",
    covers: answers(/\/chunking_test$/, "status", "200", "404"),
  },
  "a session's name has 256 characters at most": {
    reason: "Clients choose eight; a name is kept as long as its session.",
    covers: answers(/\/s{257}\/xhr$/, "status", "200", "404"),
  },
};

const DOCUMENT_DOMAIN = "    document.domain = document.domain;\n";

/** Without the blanks that make a page long enough. */
function withoutPadding(page: string): string {
  return page.replace(/ *\r\n\r\n$/, "");
}

/** Our words for sockjs-node's, where they are not the same. */
const WORDS = new Map([
  ["404 Error: Page not found\n", ["Not found\n"]],
  [
    "Not a valid websocket request",
    ['Can "Upgrade" only to "WebSocket".\n', '"Connection" must be "upgrade".\n'],
  ],
  ["Broken JSON encoding.", ["Broken JSON encoding.\n", "Payload expected.\n"]],
  ["", ["Not found\n"]],
]);

function isInOurWords(node: string, ours: string): boolean {
  return ours === `${node}\n` || WORDS.get(node)?.includes(ours) === true;
}

function unescapedHtml(script: string): string {
  return script.replaceAll("\\u003c", "<").replaceAll("\\u003e", ">");
}

/** Which differences two dialogues show, by name; and what has none. */
export function differencesBetween(
  node: Dialogue,
  ours: Dialogue,
): { readonly named: ReadonlySet<string>; readonly unnamed: readonly string[] } {
  const named = new Set<string>();
  const unnamed: string[] = [];
  for (const fact of facts(node, ours)) {
    const names = Object.keys(DIFFERENCES).filter((name) => DIFFERENCES[name]?.covers(fact));
    for (const name of names) named.add(name);
    if (names.length === 1) continue;

    const { step, what, protocol } = fact;
    const wanted = protocol === undefined ? "" : `, the protocol ${protocol}`;
    unnamed.push(`${step}: ${what}: sockjs-node ${fact.node}, ours ${fact.ours}${wanted}; ${names.join()}`);
  }
  return { named, unnamed };
}

/** What is not the same. An answer with another status is another answer: its headers need not agree. */
function facts(node: Dialogue, ours: Dialogue): Fact[] {
  const all = [...new Set([...node.heard.keys(), ...ours.heard.keys()])].map((key): Fact => {
    const at = key.lastIndexOf(": ");
    return {
      step: key.slice(0, at),
      what: key.slice(at + 2),
      protocol: ours.expected.get(key),
      node: node.heard.get(key),
      ours: ours.heard.get(key),
    };
  });
  const differ = all.filter(
    (fact) => fact.node !== fact.ours || (fact.protocol !== undefined && fact.protocol !== fact.ours),
  );
  const others = new Set(differ.filter(({ what }) => what === "status").map(({ step }) => step));
  return differ.filter(({ step, what }) => what === "status" || !others.has(step));
}

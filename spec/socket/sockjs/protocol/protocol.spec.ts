import { expect } from "chai";
import { BEYOND } from "./beyond.js";
import type { Conversation } from "./conversation.js";
import { Dialogue } from "./dialogue.js";
import { DIFFERENCES, differencesBetween } from "./differences.js";
import { HTTP } from "./http.js";
import { PAGES } from "./pages.js";
import { type ProtocolServer, startOurs, startSockJsNode } from "./servers.js";
import { SESSION_URLS } from "./session-urls.js";
import { STATIC_URLS } from "./static-urls.js";
import { WEB_SOCKET } from "./web-socket.js";
import { XHR } from "./xhr.js";

const CONVERSATIONS: readonly (readonly [topic: string, conversations: readonly Conversation[]])[] = [
  ["at its static URLs", STATIC_URLS],
  ["about sessions", SESSION_URLS],
  ["by WebSocket", WEB_SOCKET],
  ["by XMLHttpRequest", XHR],
  ["by eventsource, htmlfile and jsonp", PAGES],
  ["by HTTP", HTTP],
  ["beyond the protocol's text", BEYOND],
];

/** Our SockJS and sockjs-node are told the same, and what one answers otherwise than the other has a name and a reason. */
describe("A SockJS server", () => {
  let node: ProtocolServer;
  let ours: ProtocolServer;
  const found = new Set<string>();

  before(async () => {
    node = await startSockJsNode();
    ours = await startOurs();
  });

  after(async () => {
    await node.close();
    await ours.close();
  });

  for (const [topic, conversations] of CONVERSATIONS) {
    describe(topic, () => {
      for (const [i, { name, hold }] of conversations.entries()) {
        it(name, async () => {
          const [theirs, own] = [node, ours].map(
            (server) => new Dialogue(server, `${topic.split(" ").at(-1)}${i}`),
          );
          const dialogues = [theirs, own] as [Dialogue, Dialogue];
          try {
            for (const dialogue of dialogues) await hold(dialogue);
          } finally {
            for (const dialogue of dialogues) dialogue.end();
          }
          const { named, unnamed } = differencesBetween(...dialogues);
          expect(unnamed).to.deep.equal([]);
          for (const difference of named) found.add(difference);
        });
      }
    });
  }

  describe("in the end", () => {
    it("has shown every difference that has a name", () => {
      expect(Object.keys(DIFFERENCES).filter((name) => !found.has(name))).to.deep.equal([]);
    });
  });
});

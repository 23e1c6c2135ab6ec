import { type Conversation, NOT_ALLOWED, NOT_FOUND } from "./conversation.js";

const UPGRADE = { Upgrade: "websocket", Connection: "Upgrade" };

/** WebSocket, framed and raw. */
export const WEB_SOCKET: readonly Conversation[] = [
  {
    name: "refuses an ordinary request where WebSocket is",
    hold: async (talk) => void (await talk.get("/echo/0/0/websocket", { status: 400 })),
  },
  {
    name: "refuses a handshake whose connection a proxy has rewritten",
    async hold(talk) {
      const headers = { Upgrade: "WebSocket", Connection: "close" };
      await talk.get("/echo/0/0/websocket", { status: 400 }, { headers });
    },
  },
  {
    name: "refuses any method but GET for WebSocket",
    async hold(talk) {
      await talk.post("/echo/0/0/websocket", NOT_ALLOWED, { headers: UPGRADE });
      await talk.post("/echo/0/0/websocket", NOT_ALLOWED);
    },
  },
  {
    name: "has no WebSocket where it is off",
    async hold(talk) {
      await talk.get("/disabled_websocket_echo/0/0/websocket", NOT_FOUND);
      await talk.get("/disabled_websocket_echo/websocket", NOT_FOUND);
    },
  },
  {
    name: "frames messages on a WebSocket",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session()}/websocket`);
      await socket.hear("o");
      socket.say('["a"]');
      await socket.hear('a["a"]');
      await socket.leave();
    },
  },
  {
    name: "takes a message that is in no array on a WebSocket",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session()}/websocket`);
      await socket.hear("o");
      socket.say('"a"');
      await socket.hear('a["a"]');
      await socket.leave();
    },
  },
  {
    name: "closes a WebSocket",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session("/close")}/websocket`);
      await socket.hear("o");
      await socket.hear('c[3000,"Go away!"]');
      await socket.closes();
    },
  },
  {
    name: "answers a handshake as RFC 6455 says",
    async hold(talk) {
      const key = "x3JJHMbDL1EzLkh9GBhXDw==";
      const path = `${talk.session()}/websocket`;
      const text = await talk.line(
        `GET ${path} HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
        "\r\n\r\n",
      );
      const { status, headers } = parsed(text);
      talk.fact("handshake", "status", status, "HTTP/1.1 101");
      talk.fact("handshake", "upgrade", String(headers.get("upgrade")).toLowerCase(), "websocket");
      talk.fact("handshake", "connection", String(headers.get("connection")).toLowerCase(), "upgrade");
      talk.fact(
        "handshake",
        "accept",
        String(headers.get("sec-websocket-accept")),
        "HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
      );
      talk.fact("handshake", "length", String(headers.get("content-length")), "undefined");
    },
  },
  {
    name: "passes over empty messages on a WebSocket",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session()}/websocket`);
      await socket.hear("o");
      for (const text of ["", "[]", '["a"]']) socket.say(text);
      await socket.hear('a["a"]');
      await socket.leave();
    },
  },
  {
    name: "lets two WebSockets bear one name, at once and later",
    async hold(talk) {
      const path = `${talk.session()}/websocket`;
      const both = [await talk.socket(path), await talk.socket(path)];
      for (const [i, socket] of both.entries()) {
        await socket.hear("o");
        socket.say(`["${i}"]`);
        await socket.hear(`a["${i}"]`);
      }
      for (const socket of both) await socket.leave();
      const third = await talk.socket(path);
      await third.hear("o");
      third.say('["c"]');
      await third.hear('a["c"]');
      await third.leave();
    },
  },
  {
    name: "speaks the WebSocket of drafts before the RFC",
    async hold(talk) {
      const path = `${talk.session()}/websocket`;
      const text = await talk.line(
        `GET ${path} HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n` +
          "Origin: http://HOST\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n" +
          "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n",
        "\r\n\r\n",
      );
      talk.fact("handshake", "status", parsed(text).status, "HTTP/1.1 101");
    },
  },
  {
    name: "closes a WebSocket on which something is broken",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session()}/websocket`);
      await socket.hear("o");
      socket.say('["a');
      await socket.closes();
    },
  },
  {
    name: "gives a sign of life on a WebSocket",
    async hold(talk) {
      const socket = await talk.socket(`${talk.session("/lively")}/websocket`);
      await socket.hear("o");
      talk.fact("then", "sign of life", await socket.signOfLife(), "h");
      await socket.leave();
    },
  },
  {
    name: "carries raw messages, without any frame",
    async hold(talk) {
      const socket = await talk.socket("/echo/websocket");
      socket.say("Hello world!\uffff");
      await socket.hear("Hello world!\uffff");
      await socket.leave();
    },
  },
  {
    name: "closes a raw WebSocket",
    async hold(talk) {
      const socket = await talk.socket("/close/websocket");
      await socket.closes("3000 Go away!");
    },
  },
];

function parsed(text: string): { status: string; headers: Map<string, string> } {
  const [first = "", ...lines] = text.split("\r\n");
  const headers = new Map(
    lines.map((line): [string, string] => {
      const [name = "", ...value] = line.split(": ");
      return [name.toLowerCase(), value.join(": ")];
    }),
  );
  return { status: first.split(" ").slice(0, 2).join(" "), headers };
}

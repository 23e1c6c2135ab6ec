import { type Cut, lines, natsMessages, oneMessage } from "./cut.js";

/** How clients of a peer talk to it over a WebSocket, in text. */
export interface Dialect {
  /** Where it takes WebSockets. */
  readonly path: string;
  /** The last part of SockJS's URL, if subscribers come over HTTP. */
  readonly sockJs?: "xhr_streaming" | "eventsource" | "xhr";
  /** Whether it is spoken over TLS. */
  readonly isSecure?: boolean;
  /** The WebSocket extension that clients offer, if any. */
  readonly extension?: string;
  /** Opens a session, with one answer. */
  readonly hello: string;
  /** What clients send now and then, if anything. */
  readonly heartBeat: string;
  /** How messages lie in what a WebSocket carries. */
  readonly cut: Cut;
  /** What an answer begins with. */
  readonly answers: readonly string[];
  /** What the server asks for a sign of life with, and what it wants to hear; if that is no WebSocket ping. */
  readonly ping?: { readonly asked: string; readonly answer: string };
  /** What a message begins with that says what went wrong. */
  readonly errors: readonly string[];
  /** The first four characters of a delivery. */
  readonly delivery: string;
  /** Octets of a delivery behind its payload. */
  readonly behindPayload: number;
  /** The name of a topic, or with `*` a pattern for some; as many segments as there are topics' names. */
  topic(...segments: readonly string[]): string;
  /** A pattern that every topic fits. */
  readonly everything: string;
  /** Messages that subscribe, with one answer. */
  subscribe(topic: string, id: string): readonly string[];
  send(destination: string, contentType: string, body: string): string;
}

const CONNECT = "CONNECT\naccept-version:1.2,1.1\nhost:/\nheart-beat:10000,10000\n";

export const STOMP: Dialect = {
  path: "/ws",
  hello: `${CONNECT}\n\0`,
  heartBeat: "\n",
  cut: oneMessage,
  answers: ["CONNECTED", "RECEIPT"],
  errors: ["ERROR"],
  delivery: "MESS",
  behindPayload: "\0".length,
  topic: (...segments) => `/topic/${segments.join("/")}`,
  everything: "/topic/**",
  subscribe: (topic, id) => [`SUBSCRIBE\nid:${id}\ndestination:${topic}\nreceipt:r\n\n\0`],
  send: (destination, contentType, body) =>
    `SEND\ndestination:${destination}\ncontent-type:${contentType}\n\n${body}\0`,
};

/** Subscribers over HTTP; nobody promises heart-beats, which would be requests. */
export function overSockJs(sockJs: Dialect["sockJs"]): Dialect {
  return { ...STOMP, ...(sockJs && { sockJs }), hello: "CONNECT\naccept-version:1.2,1.1\nhost:/\n\n\0" };
}

export function overTls(dialect: Dialect): Dialect {
  return { ...dialect, isSecure: true };
}

/** With an offer as browsers make it. */
export function compressed(dialect: Dialect): Dialect {
  return { ...dialect, extension: "permessage-deflate; client_max_window_bits" };
}

/** It gives no receipts, but handles one frame after the other, and answers a second CONNECT. Dots separate segments. */
export const STOMP_BROKER_JS: Dialect = {
  ...STOMP,
  topic: (...segments) => `/topic/${segments.join(".")}`,
  everything: "/**",
  subscribe: (topic, id) => [`SUBSCRIBE\nid:${id}\ndestination:${topic}\n\n\0`, "CONNECT\n\n\0"],
};

/** Its user is the one that is there from the start; behind a frame comes an EOL. */
export const RABBITMQ: Dialect = {
  ...STOMP,
  hello: `${CONNECT}login:guest\npasscode:guest\n\n\0`,
  behindPayload: "\0\n".length,
  topic: (...segments) => `/topic/${segments.join(".")}`,
  everything: "/topic/#",
};

/** Engine.IO 4 with events of Socket.IO 5 inside; rooms are the topics. */
export const SOCKET_IO: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  hello: "40",
  heartBeat: "3",
  cut: oneMessage,
  answers: ["40", "43"],
  errors: ["44"],
  delivery: '42["',
  behindPayload: '"]'.length,
  topic: STOMP.topic,
  everything: "",
  subscribe: (topic) => [`420["subscribe","${topic}"]`],
  send: (destination, _contentType, body) => `42${JSON.stringify(["send", destination, body])}`,
};

/** The simple broker gives no receipts; what its application answers a SUBSCRIBE says that those before it stand. */
export const SPRING: Dialect = {
  ...STOMP,
  answers: ["CONNECTED", "MESSAGE\ndestination:/app/ready"],
  subscribe: (topic, id) => [
    `SUBSCRIBE\nid:${id}\ndestination:${topic}\n\n\0`,
    "SUBSCRIBE\nid:ready\ndestination:/app/ready\n\n\0",
  ],
};

/** NATS as it is over TCP; a WebSocket message may hold several of its messages, or a part of one. */
export const NATS: Dialect = {
  path: "/",
  hello: 'CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}\r\nPING\r\n',
  heartBeat: "",
  cut: natsMessages,
  answers: ["PONG"],
  ping: { asked: "PING", answer: "PONG\r\n" },
  errors: ["-ERR"],
  delivery: "MSG ",
  behindPayload: "\r\n".length,
  topic: (...segments) => `topic.${segments.join(".")}`,
  everything: "topic.>",
  // It handles one thing after the other.
  subscribe: (topic, id) => [`SUB ${topic} ${id}\r\nPING\r\n`],
  send: (destination, _contentType, body) => `PUB ${destination} ${body.length}\r\n${body}\r\n`,
};

/** Its JSON protocol; a delivery names the client that published. A publication has an answer of its own. */
export const CENTRIFUGO: Dialect = {
  path: "/connection/websocket",
  hello: '{"id":1,"connect":{}}',
  heartBeat: "",
  cut: lines,
  answers: ['{"id":1,"connect"', '{"id":2,"subscribe"'],
  ping: { asked: "{}", answer: "{}" },
  errors: [1, 2, 3].map((id) => `{"id":${id},"error"`),
  delivery: '{"pu',
  behindPayload: '","info":{"user":"","client":"00000000-0000-0000-0000-000000000000"}}}}'.length,
  topic: STOMP.topic,
  everything: "",
  subscribe: (topic) => [`{"id":2,"subscribe":{"channel":"${topic}"}}`],
  send: (destination, contentType, body) => {
    const data = contentType === "application/json" ? body : `"${body}"`;
    return `{"id":3,"publish":{"channel":"${destination}","data":${data}}}`;
  },
};

/** Where payloads are JSON: data that is no text has no quotation mark behind it. */
export const CENTRIFUGO_JSON: Dialect = { ...CENTRIFUGO, behindPayload: CENTRIFUGO.behindPayload - 1 };

/** What stands for a peer, or for a line, in every plot. */
export const COLOURS: Readonly<Record<string, string>> = {
  "express-stomp": "#d9480f",
  "ws-loop": "#495057",
  "ws-by-hand": "#495057",
  "ws-preframed": "#adb5bd",
  "socket.io": "#1971c2",
  "stomp-broker-js": "#2f9e44",
  nats: "#0c8599",
  centrifugo: "#e64980",
  spring: "#66a80f",
  rabbitmq: "#9c36b5",
};

export const MORE_COLOURS = ["#d9480f", "#1971c2", "#2f9e44", "#9c36b5", "#e67700", "#495057"];

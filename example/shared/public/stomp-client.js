import { Client, ReconnectionTimeMode } from "/vendor/stompjs/index.js";

/** @import { IFrame, StompConfig } from "/vendor/stompjs/index.js" */

/**
 * @typedef {object} Connection
 * @property {string} endpoint where it connects
 * @property {string} csrf where the token is
 * @property {string} user whose page this is
 * @property {(frame: IFrame) => void} onConnect
 * @property {(event: CloseEvent) => void} onWebSocketClose
 * @property {(reason: string) => void} onRefused is told why the server does not let the page connect at all
 */

/**
 * Makes a client that connects by SockJS, again and again, and brings a CSRF token each time.
 *
 * @param {StompConfig & Connection} options all else is for `Client`
 */
export function stompClient({ endpoint, csrf, user, onConnect, onWebSocketClose, onRefused, ...options }) {
  let connected = false;
  const client = new Client({
    webSocketFactory: () =>
      new SockJS(endpoint, null, { transports: ["websocket", "xhr-streaming", "xhr-polling"] }),
    reconnectDelay: 500,
    maxReconnectDelay: 10_000,
    reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,

    async beforeConnect() {
      const answer = await fetch(csrf, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
      // When the login is over no connection will be let in: the page is asked for again, and leads to the login.
      if (answer?.status === 401) location.reload();
      if (!answer?.ok) return;

      const { headerName, token } = await answer.json();
      client.connectHeaders = { [headerName]: token };
    },

    onConnect(frame) {
      connected = true;
      // Somebody else has logged in meanwhile, in another tab.
      if (frame.headers["user-name"] === user) onConnect(frame);
      else location.reload();
    },

    async onWebSocketClose(event) {
      onWebSocketClose(event);
      const reason = connected ? undefined : await refusal(endpoint);
      connected = false;
      if (reason !== undefined && client.active) onRefused(reason);
    },
    ...options,
  });
  return client;
}

/**
 * Why the server lets no connection of this page in, if so. Other than by GET, it hears by OPTIONS whose page asks.
 *
 * @param {string} endpoint
 */
async function refusal(endpoint) {
  const options = { method: "OPTIONS", signal: AbortSignal.timeout(10_000) };
  const answer = await fetch(`${endpoint}/info`, options).catch(() => undefined);
  return answer?.status === 403 ? (await answer.text()).trim() : undefined;
}

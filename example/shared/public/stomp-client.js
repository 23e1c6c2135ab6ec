import { Client, ReconnectionTimeMode } from "/vendor/stompjs/index.js";

/**
 * Makes a client that connects by SockJS, again and again, and brings a CSRF token each time.
 *
 * @param options `endpoint` is where it connects, `csrf` where the token is, `user` whose page this is; all else is
 *   for `Client`
 */
export function stompClient({ endpoint, csrf, user, onConnect, ...options }) {
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
      // Somebody else has logged in meanwhile, in another tab.
      if (frame.headers["user-name"] === user) onConnect(frame);
      else location.reload();
    },
    ...options,
  });
  return client;
}

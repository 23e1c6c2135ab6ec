import { before } from "./hook.js";
import type { StompClient, StompHeaders, StompMessage } from "./stomp-client.js";

/** The end of the destination that the server takes answers at. */
const ANSWERS = "/express-stomp/answers";

/** A client that answers at one destination, until it is stopped. */
export interface Answering {
  stop(): void;
}

/**
 * Answers what the server asks by `template.request(user, "/queue/confirm", …)`: the promise there resolves with what
 * `answer` returns, or its promise resolves to. When that throws or rejects, the promise there rejects, with the text of
 * the error; so throw nothing that the server is not to know. Subscribes now or as soon as the client is connected,
 * and again after each reconnect.
 *
 * @param destination as this client knows it: `/user/queue/confirm`
 * @param answer its argument is text where the server sent text, else what JSON says
 * @example
 * ```ts
 * const client = new Client({ brokerURL });
 * answering(client, "/user/queue/confirm", (question: { text: string }) => confirm(question.text));
 * ```
 */
export function answering<Q = unknown, A = unknown>(
  client: StompClient,
  destination: string,
  answer: (question: Q, message: StompMessage) => A | Promise<A>,
): Answering {
  let current: { unsubscribe(): void } | undefined;
  let isOver = false;

  const take = (message: StompMessage): void => {
    const { "reply-to": to, "correlation-id": id } = message.headers;
    // Another client may have written it: an answer is for the server alone.
    if (!to?.endsWith(ANSWERS) || !id) return;
    const asked = current;
    const say = (body: unknown, more: StompHeaders = {}) => {
      // The server waits for no answer over another connection.
      if (asked !== current || !client.connected) return;
      const isText = typeof body === "string";
      const type = isText ? "text/plain;charset=UTF-8" : "application/json";
      const headers = { "content-type": type, "correlation-id": id, ...more };
      client.publish({ destination: to, headers, body: isText ? body : (JSON.stringify(body) ?? "") });
    };
    void Promise.resolve()
      .then(() => answer(read(message) as Q, message))
      .then(say)
      .catch((error: unknown) =>
        say("", { error: String((error as Error | undefined)?.message ?? error).slice(0, 500) }),
      );
  };
  const subscribe = () => {
    if (!isOver) current = client.subscribe(destination, take);
  };
  before(client, "onConnect", subscribe);
  if (client.connected) subscribe();
  return {
    stop() {
      isOver = true;
      if (client.connected) current?.unsubscribe();
      current = undefined;
    },
  };
}

function read({ body, headers }: StompMessage): unknown {
  if (body === "") return undefined;
  return /^text\//i.test(headers["content-type"] ?? "") ? body : (JSON.parse(body) as unknown);
}

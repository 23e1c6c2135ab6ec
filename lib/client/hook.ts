import type { StompClient, StompFrame } from "./stomp-client.js";

type Handler = (frame: StompFrame) => void;

/**
 * Calls something before a handler that an object has as a property, and leaves
 * the property to the application: it may set it before or afterwards, several
 * times, and may call what it read there from within what it sets.
 */
export function before(
  client: Pick<StompClient, "onConnect" | "onStompError">,
  name: "onConnect" | "onStompError",
  task: Handler,
): void {
  const handlers: Handler[] = [client[name]];
  /** How often it was read and not called: then what is set next may call it. */
  let kept = 0;
  let depth = -1;

  const call = (frame: StompFrame): void => {
    const isOutermost = depth < 0;
    if (isOutermost) {
      kept--;
      depth = handlers.length;
      task(frame);
    }
    depth--;
    try {
      handlers[depth]?.call(client, frame);
    } finally {
      depth = isOutermost ? -1 : depth + 1;
    }
  };
  Object.defineProperty(client, name, {
    configurable: true,
    enumerable: true,
    get: () => {
      kept++;
      return call;
    },
    set: (handler: Handler) => {
      if (handler === call) return;
      if (kept > 0) handlers.push(handler);
      else handlers[handlers.length - 1] = handler;
      kept = 0;
    },
  });
}

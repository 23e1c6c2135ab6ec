type Handler<F> = (frame: F) => void;

/**
 * Calls something before a handler that an object has as a property, and leaves
 * the property to the application: it may set it before or afterwards, several
 * times, and may call what it read there from within what it sets.
 */
export function before<K extends string, F>(
  client: { [Name in K]: Handler<F> },
  name: K,
  task: Handler<F>,
): void {
  const handlers: Handler<F>[] = [client[name]];
  /** How often it was read and not called: then what is set next may call it. */
  let kept = 0;
  let depth = -1;

  const call = (frame: F): void => {
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
    set: (handler: Handler<F>) => {
      if (handler === call) return;
      if (kept > 0) handlers.push(handler);
      else handlers[handlers.length - 1] = handler;
      kept = 0;
    },
  });
}

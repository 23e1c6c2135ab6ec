import type { Backplane, Logger } from "express-stomp";

export interface ShareLogoutsOverOptions {
  /** A backplane for this alone. */
  readonly backplane: Backplane;
  /** Ends a login on this server. */
  readonly end: (login: string) => void;
  readonly logger: Logger;
}

/**
 * Ends the logins here that other servers tell of over a backplane. Gives a function that ends one on all servers: the
 * session id that it tells them is good for nothing any more.
 */
export function shareLogoutsOver({
  backplane,
  end,
  logger,
}: ShareLogoutsOverOptions): (login: string) => void {
  const failed = (error: unknown) => logger.warn("Servers do not hear of each other's logouts:", error);
  const listener = {
    take: ({ bytes }: { readonly bytes: Uint8Array }) => end(Buffer.from(bytes).toString()),
    lost: () => failed(new Error("Some may have been missed")),
    availability() {},
  };
  backplane.subscribe(listener).catch(failed);

  return (login) => {
    end(login);
    if (backplane.isAvailable) backplane.publish(Buffer.from(login)).catch(failed);
  };
}

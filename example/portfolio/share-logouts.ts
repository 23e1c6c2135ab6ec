import type { Logger, StompMessaging } from "express-stomp";

const LOGOUTS = "/topic/portfolio.logouts";

export interface ShareLogoutsOptions {
  readonly messaging: Pick<StompMessaging, "system" | "template" | "isBrokerAvailable">;
  /** Ends a login on this server. */
  readonly end: (login: string) => void;
  readonly logger: Logger;
}

/**
 * Ends the logins here that other servers on the broker tell of. Gives a function that ends one on all servers: the
 * session id that it tells them is good for nothing any more.
 */
export function shareLogouts({ messaging, end, logger }: ShareLogoutsOptions): (login: string) => void {
  const { system, template } = messaging;
  const failed = (error: unknown) => logger.warn("Servers do not hear of each other's logouts:", error);
  system?.subscribe(LOGOUTS, ({ payload }) => end(Buffer.from(payload).toString())).catch(failed);

  return (login) => {
    end(login);
    // A broker that is away has left nobody connected.
    if (system && messaging.isBrokerAvailable()) template.convertAndSend(LOGOUTS, login).catch(failed);
  };
}

import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import { RateLimits } from "../limits/rate-limits.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRates } from "../session/session-rates.js";

/**
 * Makes the limits of how often clients may send, if there are any.
 *
 * @param arePlain whether the broker, which is made later, reads destinations as we do
 */
export function makeRates(
  { rateLimits: limits, clock, destinationSeparator: separator }: ResolvedOptions,
  { template, arePlain }: { readonly template: SimpMessagingTemplate; arePlain(): boolean },
): SessionRates | undefined {
  if (limits.length === 0) return undefined;

  const rates = new RateLimits({ limits, clock, separator, arePlain });
  return {
    judge: (frame) => rates.judge(frame),
    tell: ({ id: sessionId, user }, notice) =>
      void template.convertAndSendToUser(user?.name ?? sessionId, "/queue/errors", notice, { sessionId }),
  };
}

import type { OwnDestination } from "../channel/interceptor-description.js";
import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import { RateLimits } from "../limits/rate-limits.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRates } from "../session/session-rates.js";

/** Where clients hear of frames beyond a rate limit, with `beyond: "refuse"`. */
export const EXCESSES: OwnDestination = {
  destination: "/queue/errors",
  toUser: true,
  text: "Tells that a message was beyond a rate limit",
  payload: {
    type: "object",
    properties: {
      destination: { type: "string" },
      message: { type: "string" },
      retry: { type: "integer", description: "Ms until it would be within" },
    },
    required: ["message", "retry"],
  },
};

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
      void template.convertAndSendToUser(user?.name ?? sessionId, EXCESSES.destination, notice, {
        sessionId,
      }),
  };
}

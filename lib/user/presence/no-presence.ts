import { ConfigurationError } from "../../errors.js";
import type { Presence } from "./presence.js";

/** `messaging.presence` without the option. */
export const NO_PRESENCE: Presence = {
  of() {
    throw new ConfigurationError(
      'presence.of needs the option presence, such as presence: { destinations: ["/topic/room/*"] }',
    );
  },
};

import { inspect } from "node:util";
import type { Clock } from "../../clock/clock.js";
import type { Logger } from "../../logger.js";
import type { Principal, SessionHeaders } from "../../message/message.js";
import { isPromise } from "../../promise.js";
import { SparingLog } from "../../sparing-log.js";
import type { SimpSession } from "../simp-user-registry.js";
import type { PresenceSettings } from "./presence-options.js";

/** Bytes of JSON that `info` may say of one session. */
const INFO_LIMIT = 1024;

export interface PresenceWordsOptions {
  readonly settings: Pick<PresenceSettings, "info" | "visible">;
  readonly clock: Clock;
  readonly logger: Logger;
  headersOf(sessionId: string): SessionHeaders | undefined;
}

/** Asks the application what is told of a session. A state that it cannot give is not told: the log has why. */
export class PresenceWords {
  readonly #options: PresenceWordsOptions;
  readonly #log: SparingLog;

  constructor(options: PresenceWordsOptions) {
    this.#options = options;
    this.#log = new SparingLog({ logger: options.logger, clock: options.clock, lines: 10, period: "minute" });
  }

  /** JSON; `undefined` when there is nothing to tell. @param principal the user, if the session has brought a new token just now */
  info(session: SimpSession, principal?: Principal): string | undefined {
    const { settings, headersOf } = this.#options;
    if (!settings.info) return undefined;

    const headers = headersOf(session.id);
    const sessionAttributes = headers?.sessionAttributes ?? new Map<string, unknown>();
    const user = principal ?? headers?.user ?? session.user.principal;
    try {
      const info: unknown = settings.info(user, { sessionId: session.id, sessionAttributes });
      if (isPromise(info)) {
        info.then(undefined, () => {});
        throw new TypeError(
          "it returned a promise, and nobody waits for that: put what it needs into the user",
        );
      }
      const text = JSON.stringify(info) as string | undefined;
      const length = text === undefined ? 0 : Buffer.byteLength(text);
      if (length > INFO_LIMIT) throw new RangeError(`${length} bytes are more than ${INFO_LIMIT}`);
      return text;
    } catch (error) {
      this.#log.warn(`presence.info could not be told of user ${inspect(user.name)}: ${String(error)}`);
      return undefined;
    }
  }

  /** Nobody is shown for whom that could not be decided. */
  isVisible(session: SimpSession, destination: string, principal?: Principal): boolean {
    const { settings, headersOf } = this.#options;
    if (!settings.visible) return true;

    const user = principal ?? headersOf(session.id)?.user ?? session.user.principal;
    try {
      const visible: unknown = settings.visible(user, destination);
      if (typeof visible === "boolean") return visible;
      if (isPromise(visible)) visible.then(undefined, () => {});
      throw new TypeError(`it returned ${inspect(visible)}, and neither true nor false`);
    } catch (error) {
      this.#log.warn(`presence.visible could not decide about user ${inspect(user.name)}: ${String(error)}`);
      return false;
    }
  }
}

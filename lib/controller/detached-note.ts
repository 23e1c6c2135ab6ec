import { ConfigurationError } from "../errors.js";
import type { SendToUserNote } from "./reply-note.js";

/** The note of `@Detached` above a method. */
export interface DetachedNote {
  /** With `{variables}` of the mapping. */
  readonly key: string;
  /** In ms. */
  readonly timeout: number;
}

interface Decorated {
  readonly sendToUser: SendToUserNote | undefined;
  readonly isMapped: boolean;
  readonly subscribeMapping: readonly string[] | undefined;
}

/** @throws ConfigurationError when a method's elements could only go to one session, or nobody sends to it */
export function checkDetached(name: string, { sendToUser, isMapped, subscribeMapping }: Decorated): void {
  if (!isMapped || subscribeMapping) {
    throw new ConfigurationError(`${name} has @Detached: it stands above methods with @MessageMapping only`);
  }
  if (sendToUser) {
    throw new ConfigurationError(
      `${name} has @Detached, and @SendToUser for whoever sent: write @SendTo("/…"), where others can join`,
    );
  }
}

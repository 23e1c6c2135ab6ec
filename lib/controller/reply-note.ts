/** The note of `@SendToUser`. */
export interface SendToUserNote {
  readonly destinations: readonly string[];
  /** Whether all sessions of the user are meant, not only the one that sent. */
  readonly broadcast: boolean;
}

/** The notes of `@SendTo` and `@SendToUser` above one method or one class. */
export interface ReplyDecorators {
  sendTo?: readonly string[];
  sendToUser?: SendToUserNote;
}

/** Where `@SendTo` and `@SendToUser` send what a method returns. */
export interface ReplyNote {
  readonly sendTo: readonly string[] | undefined;
  readonly sendToUser: SendToUserNote | undefined;
  /** The decorator of the method that has no effect, since the class names the destinations. */
  readonly overruled?: "@SendTo" | "@SendToUser" | undefined;
}

/**
 * Gives the one note that says where replies go, for both decorators together:
 * the nearest that names a destination, else the nearest that has either. So
 * what a method names replaces both of its class, and a method's `@SendTo()` or
 * `@SendToUser()` takes what the class names, as Spring does.
 *
 * Unlike Spring, `broadcast: false` is not lost that way: a reply for one
 * session would reach others.
 *
 * @param ofMethod the method's own note, then those of what it overrides
 * @param ofClass the class's own note, then those of what it extends
 */
export function replyNote(
  ofMethod: readonly ReplyDecorators[],
  ofClass: readonly ReplyDecorators[],
): ReplyNote {
  const notes = [...ofMethod, ...ofClass].filter((note) => note.sendTo || note.sendToUser);
  const chosen = notes.find(namesDestination) ?? notes[0];
  if (!chosen) return { sendTo: undefined, sendToUser: undefined };

  const nearer = notes.slice(0, notes.indexOf(chosen));
  const { sendTo, sendToUser } = chosen;
  const overruled = nearer.some((note) => note.sendToUser && !sendToUser)
    ? "@SendToUser"
    : nearer.some((note) => note.sendTo && !sendTo)
      ? "@SendTo"
      : undefined;
  const broadcast = sendToUser?.broadcast && nearer.every((note) => note.sendToUser?.broadcast !== false);
  return {
    sendTo,
    sendToUser: sendToUser && { destinations: sendToUser.destinations, broadcast: broadcast === true },
    overruled,
  };
}

function namesDestination({ sendTo = [], sendToUser }: ReplyDecorators): boolean {
  return sendTo.length > 0 || (sendToUser !== undefined && sendToUser.destinations.length > 0);
}

import { createHash } from "node:crypto";

/** SockJS's own paths: `/{server}/{session}/{transport}`, after any prefix. */
const SESSION =
  /^[A-Z]+ [^ ?]*\/[^/.? ]+\/([^/.? ]+)\/(?:xhr|xhr_send|xhr_streaming|eventsource|htmlfile|jsonp|jsonp_send)[? ]/;

/** Gives the SockJS session that a request is of, by its request line. */
export function sessionOf(requestLine: string): string | undefined {
  return SESSION.exec(requestLine)?.[1];
}

/** Gives the slot that a session belongs to. One slot more takes only its own share of sessions from the others. */
export function slotOf(session: string, slots: number): number {
  let best = 0;
  let highest = -1;
  for (let slot = 0; slot < slots; slot++) {
    const weight = createHash("sha1").update(`${slot}/${session}`).digest().readUInt32BE();
    if (weight > highest) [best, highest] = [slot, weight];
  }
  return best;
}

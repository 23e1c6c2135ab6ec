import type { NativeHeaders } from "../message/native-headers.js";

/** Counts of all that passed between the broker and this server. */
export class RelayCounts {
  publications = 0;
  deliveries = 0;
  acknowledged = 0;
  refused = 0;
  redeliveries = 0;

  /** A MESSAGE of the broker's is handed to so many subscriptions. */
  delivered(headers: NativeHeaders, subscriptions: number): void {
    this.deliveries += subscriptions;
    if (headers.get("redelivered") === "true") this.redeliveries += subscriptions;
  }

  /** A frame that acknowledges, or does not, is passed on. */
  settled(stompCommand: string | undefined): void {
    if (stompCommand === "ACK") this.acknowledged++;
    else if (stompCommand === "NACK") this.refused++;
  }
}

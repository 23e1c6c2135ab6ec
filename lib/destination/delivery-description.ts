/** How the simple broker delivers what is sent to a destination; of a pattern, to some destination that fits it. */
export interface DeliveryDescription {
  /** Whether each message goes to one of the subscribers. */
  readonly isQueue: boolean;
  /** Whether a new subscriber is given the newest message at once. */
  readonly isRetained: boolean;
  /** Set if messages are kept for those who come back with `since`: how many, and for how many ms. */
  readonly history: { readonly size: number; readonly ttl: number } | undefined;
  /** Set if only the newest message goes out, every so many ms. */
  readonly conflatedEvery: number | undefined;
  /** The header of SUBSCRIBE that chooses among messages, if one does. */
  readonly selectorHeaderName: string | undefined;
}

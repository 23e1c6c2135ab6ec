/**
 * The id of an entry of a stream: of Redis the first part is a time, of ours the epoch, which is when the
 * numbers began. The second is the number, each one more than the last.
 */
export interface EntryId {
  readonly epoch: number;
  readonly number: number;
}

export function readId(id: unknown): EntryId {
  const [epoch, number] = String(id).split("-").map(Number) as [number, number];
  return { epoch, number };
}

export function textOfId({ epoch, number }: EntryId): string {
  return `${epoch}-${number}`;
}

/** Whether one stands behind the other. */
export function isBehind(one: EntryId, other: EntryId): boolean {
  return one.epoch === other.epoch ? one.number > other.number : one.epoch > other.epoch;
}

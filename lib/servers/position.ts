/** A place in a backplane's log. */
export interface Position {
  readonly epoch: string;
  readonly number: number;
}

const POSITION = /^([^\s:]{1,64})-(0|[1-9][0-9]{0,15})$/;

/** Reads a position; gives `undefined` of a text that is none. */
export function readPosition(text: string): Position | undefined {
  const [, epoch, digits] = POSITION.exec(text) ?? [];
  const number = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(number) ? { epoch, number } : undefined;
}

export function writePosition({ epoch, number }: Position): string {
  return `${epoch}-${number}`;
}

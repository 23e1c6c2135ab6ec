export type Identifier = string | symbol | (abstract new (...args: never) => unknown);

/** The part of inversify's `Container` that is used, whichever copy of inversify it comes from. */
export interface ControllerContainer {
  isBound(identifier: Identifier): boolean;
  get(identifier: Identifier, options?: { autobind: true }): unknown;
  bind(identifier: Identifier): {
    toConstantValue(value: unknown): unknown;
    toDynamicValue(make: () => unknown): unknown;
  };
}

/** A container that binds by itself throws at what it cannot make, instead of saying that it has none. */
export function isBound(container: ControllerContainer, identifier: Identifier): boolean {
  try {
    return container.isBound(identifier);
  } catch {
    return false;
  }
}

import type { ReceiveModel, SendModel } from "./model.js";

/** The operations that a document is to have. */
export interface Selection {
  readonly receives: readonly ReceiveModel[];
  readonly sends: readonly SendModel[];
  /** Those that are allowed for some destinations only, where it is one user's document. */
  readonly depending?: ReadonlySet<ReceiveModel | SendModel>;
}

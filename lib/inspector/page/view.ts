import type { InspectorPermission, OverviewAnswer } from "./answers.js";

/** One of the pages, as long as it is shown. */
export interface View {
  readonly element: HTMLElement;
  /** Called at once, and then every two seconds while somebody looks. */
  refresh?(): Promise<void>;
  /** It is shown no longer. */
  leave?(): void;
}

/** The parts of the shell that pages use. */
export interface Shell {
  may(permission: InspectorPermission): boolean;
  /** The newest answers of `api/overview`, and when they came, oldest first: of ten minutes at most. */
  readonly samples: readonly Sample[];
  /** Goes to another page, or the same with other parameters. */
  go(page: string, parameters?: Readonly<Record<string, string | number>>): void;
  /** Tells the person of something that they have done. */
  tell(text: string): void;
}

export interface Sample {
  /** In ms. */
  readonly at: number;
  readonly overview: OverviewAnswer;
}

/** Makes a page. @param parameters those behind its name in the address */
export type MakeView = (shell: Shell, parameters: URLSearchParams) => View;

/** The address of a page. */
export function addressOf(page: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== "" && value !== 0);
  const query = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${query && `?${query}`}`;
}

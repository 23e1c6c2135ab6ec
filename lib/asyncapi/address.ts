/** A variable of a destination, and the expression that its value has to fit. */
export interface Variable {
  readonly name: string;
  readonly regex: string | undefined;
}

/** `{name}` or `{name:regex}`, whose expression may have braces. */
const VARIABLE = /\{([^{}:]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}/g;

export function variablesOf(destination: string): Variable[] {
  return [...destination.matchAll(VARIABLE)].map(([, name = "", regex]) => ({ name, regex }));
}

/** The destination as AsyncAPI writes an address, which knows names only. */
export function addressOf(destination: string): string {
  return destination.replace(VARIABLE, (_, name: string) => `{${name}}`);
}

/** The same for destinations that differ in the names of their variables only: one channel, whichever side has named them. */
export function shapeOf(destination: string): string {
  return destination.replace(VARIABLE, "{}");
}

/** Whether it has wildcards, of which AsyncAPI knows none. */
export function hasWildcards(destination: string): boolean {
  return /[*?]/.test(destination.replace(VARIABLE, ""));
}

/** A text as an id, or a part of one. */
export function idOf(text: string): string {
  return text
    .replace(/\*\*/g, "all")
    .replace(/\*/g, "any")
    .replace(/\?/g, "one")
    .replace(/[^\w.]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/** The id of a destination's channel: `app.rooms.id` of `/app/rooms/{id}`. */
export function channelId(destination: string): string {
  const segments = addressOf(destination).split(/[/.]/).map(idOf).filter(Boolean);
  return segments.join(".") || "root";
}

/** The name of a type: `AppRoomsId` of `app.rooms.id`. */
export function typeName(text: string): string {
  const name = text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
  return /^\d/.test(name) ? `_${name}` : name;
}

/** Gives the first of a name and its numbered likes that is free. */
export function freeName(name: string, isTaken: (name: string) => boolean, joint = "-"): string {
  let free = name;
  for (let number = 2; isTaken(free); number++) free = `${name}${joint}${number}`;
  return free;
}

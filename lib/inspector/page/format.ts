import { language } from "./words.js";

const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

/** A number as people write it. */
export function number(value: number): string {
  return numbers.format(value);
}

/** Bytes in the unit that suits them. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let rest = value;
  while (rest >= 1024 && at < units.length - 1) {
    rest /= 1024;
    at++;
  }
  return `${numbers.format(rest)} ${units[at]}`;
}

/** How long something has lasted: its greatest unit, and the next. */
export function lasted(since: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1_000));
  const units = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
    [1, "second"],
  ] as const;
  const from = units.findIndex(([size]) => seconds >= size);
  const [size, unit] = units[from < 0 ? 3 : from]!;
  const next = units[from + 1];
  const first = inUnit(Math.floor(seconds / size), unit);
  const rest = next && from >= 0 && from < 2 ? Math.floor((seconds % size) / next[0]) : 0;
  return next && rest > 0 ? `${first} ${inUnit(rest, next[1])}` : first;
}

/** A time of day, with milliseconds. */
export function timeOfDay(at: string): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function inUnit(value: number, unit: string): string {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "narrow" }).format(value);
}

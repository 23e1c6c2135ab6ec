const AMOUNT = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const DIFFERENCE = new Intl.NumberFormat("en-US", {
  style: "currency",
  currency: "USD",
  signDisplay: "exceptZero",
});

/** Writes cents as dollars. */
export function money(cents) {
  return AMOUNT.format(cents / 100);
}

/** Shows what was won or lost, with its sign and in its colour. */
export function showGain(element, cents) {
  element.textContent = DIFFERENCE.format(cents / 100);
  element.dataset.trend = trend(cents);
}

export function trend(difference) {
  return difference > 0 ? "up" : difference < 0 ? "down" : "even";
}

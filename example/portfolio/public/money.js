import { texts } from "./texts.js";

/**
 * Narrow: in Korean it would be US$ else.
 *
 * @type {Intl.NumberFormatOptions}
 */
const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
const AMOUNT = new Intl.NumberFormat(texts.language, dollars);
const DIFFERENCE = new Intl.NumberFormat(texts.language, { ...dollars, signDisplay: "exceptZero" });

/**
 * Writes cents as dollars.
 *
 * @param {number} cents
 */
export function money(cents) {
  return AMOUNT.format(cents / 100);
}

/**
 * Shows what was won or lost, with its sign and in its colour.
 *
 * @param {HTMLElement} element
 * @param {number} cents
 */
export function showGain(element, cents) {
  element.textContent = DIFFERENCE.format(cents / 100);
  element.dataset.trend = trend(cents);
}

/** @param {number} difference */
export function trend(difference) {
  return difference > 0 ? "up" : difference < 0 ? "down" : "even";
}

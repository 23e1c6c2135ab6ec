import { trend } from "./money.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MARGIN] = [120, 36, 3];
const [LENGTH, LEAST_LENGTH] = [60, 20];

/** A line of the last prices, for the eyes only: the price itself stands beside it. */
export class Sparkline {
  element = make("svg", {
    class: "sparkline",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  #area = make("path", { class: "area" });
  #line = make("path", { class: "line" });
  #prices;

  /** @param {readonly number[]} prices */
  constructor(prices) {
    this.#prices = prices;
    this.element.append(this.#area, this.#line);
    this.#draw();
  }

  /** @param {number} price */
  add(price) {
    this.#prices = [...this.#prices, price].slice(-LENGTH);
    this.#draw();
  }

  #draw() {
    const prices = this.#prices;
    if (prices.length === 0) return;

    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    const scale = (HEIGHT - 2 * MARGIN) / (high - low || 1);
    // New prices come in at the right; what is not there yet stays free at the left.
    const span = Math.max(prices.length, LEAST_LENGTH) - 1;
    const x = (/** @type {number} */ i) => WIDTH * (1 - (prices.length - 1 - i) / span);
    const y = (/** @type {number} */ price) => (high === low ? HEIGHT / 2 : MARGIN + (high - price) * scale);
    const line = prices.map((price, i) => `${x(i).toFixed(1)} ${y(price).toFixed(1)}`).join("L");

    this.#line.setAttribute("d", `M${line}`);
    this.#area.setAttribute("d", `M${x(0).toFixed(1)} ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z`);
    const [first = 0] = prices;
    this.element.dataset.trend = trend((prices.at(-1) ?? first) - first);
  }
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string>>} attributes
 */
function make(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

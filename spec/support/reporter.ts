import { relative } from "node:path";
import Mocha from "mocha";

const SLOWEST = 10;

/** mocha's spec reporter, with the slowest files, closed by the one line that tells a machine how the run went. */
export default class Reporter extends Mocha.reporters.Spec {
  readonly #seconds = new Map<string, number>();

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    let began = 0;
    runner.on("suite", ({ parent }) => {
      if (parent?.root) began = performance.now();
    });
    // A failure that a second try made good is told all the same.
    runner.on("retry", (test: Mocha.Test, error: Error) => {
      console.log(`tried again: ${test.fullTitle()}: ${error.message}`);
    });
    runner.on("suite end", ({ parent, file }: Mocha.Suite) => {
      if (!parent?.root || file === undefined) return;
      const seconds = (performance.now() - began) / 1000;
      this.#seconds.set(file, (this.#seconds.get(file) ?? 0) + seconds);
    });
  }

  override epilogue(): void {
    super.epilogue();

    const slowest = [...this.#seconds].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
    for (const [file, seconds] of slowest) {
      const name = relative("build/spec", file).replace(/\.spec\.js$/, "");
      console.log(`${seconds.toFixed(1).padStart(8)} s  ${name}`);
    }
    const { passes, failures, pending } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
  }
}

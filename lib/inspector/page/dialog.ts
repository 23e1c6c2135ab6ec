import type { ActAnswer } from "./answers.js";
import { act } from "./api.js";
import { fill, h } from "./dom.js";
import { number } from "./format.js";
import { field, valuesOf } from "./list.js";
import type { Shell } from "./view.js";
import { say, words } from "./words.js";

/** Something that is done to somebody, once a reason was given. */
export interface AskedAct {
  readonly question: string;
  readonly act: string;
  /** The word on the button. */
  readonly label: string;
  readonly body: Readonly<Record<string, string>>;
}

/** Asks for a reason, and then does it. */
export function withReason(shell: Shell, { question, act: name, label, body }: AskedAct): void {
  const problem = h("p", { class: "bad", role: "alert", hidden: true });
  const form = h(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        void run();
      },
    },
    h("h2", { id: "question" }, question),
    field(words.reason, "reason", "", { required: true, maxlength: "200" }),
    h("p", { class: "hint" }, words.reasonHint),
    problem,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", click: () => dialog.close() }, words.cancel),
      h("button", { class: "danger" }, label),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "question", close: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input")?.focus();

  async function run(): Promise<void> {
    try {
      const { done } = await act<ActAnswer>(name, { ...body, ...valuesOf(form) });
      dialog.close();
      shell.tell(say(words.done, number(done)));
    } catch (error) {
      problem.hidden = false;
      fill(problem, say(words.failed, (error as Error).message));
    }
  }
}

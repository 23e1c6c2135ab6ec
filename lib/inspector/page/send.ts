import { act } from "./api.js";
import { fill, h } from "./dom.js";
import { choice, field, valuesOf } from "./list.js";
import type { MakeView } from "./view.js";
import { say, words } from "./words.js";

/** Sends as the application does. */
export const send: MakeView = (shell, parameters) => {
  const problem = h("p", { class: "bad", role: "alert", hidden: true });
  const body = h("textarea", { name: "body", spellcheck: "false" });
  const form = h(
    "form",
    {
      class: "form",
      submit: (event) => {
        event.preventDefault();
        void run();
      },
    },
    field(words.destination, "destination", parameters.get("destination") ?? "", {
      required: true,
      placeholder: "/topic/news",
    }),
    choice(words.contentType, "contentType", "application/json", [
      ["application/json", "application/json"],
      ["text/plain;charset=utf-8", "text/plain"],
    ]),
    h("label", {}, words.body, body),
    field(words.reason, "reason", "", { required: true, maxlength: "200" }),
    h("p", { class: "hint" }, words.reasonLog),
    problem,
    h("div", {}, h("button", { class: "main" }, words.send)),
  );
  async function run(): Promise<void> {
    problem.hidden = true;
    try {
      // A form would send its lines with CRLF, and blanks are a message's own.
      await act("send", { ...valuesOf(form), body: body.value });
      shell.tell(words.doneSend);
    } catch (error) {
      problem.hidden = false;
      fill(problem, say(words.failed, (error as Error).message));
    }
  }
  return {
    element: h("section", {}, h("h2", {}, words.send), h("p", { class: "hint" }, words.sendHint), form),
  };
};

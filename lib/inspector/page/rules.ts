import type { RuleAnswer } from "./answers.js";
import { ask } from "./api.js";
import { fill, h, mono, plain } from "./dom.js";
import { number } from "./format.js";
import { choice, field, filter } from "./list.js";
import { addressOf, type MakeView } from "./view.js";
import { say, words } from "./words.js";

/** Says who may hear, or send to, a destination, and which rule decides. */
export const rules: MakeView = (shell, parameters) => {
  const asked = {
    user: parameters.get("user") ?? "",
    command: parameters.get("command") ?? "SUBSCRIBE",
    destination: parameters.get("destination") ?? "",
  };
  const result = h("div", { role: "status" });
  if (asked.destination !== "") {
    ask<RuleAnswer>("rules", asked).then(
      (answer) => fill(result, verdictOf(answer)),
      (error: Error) => fill(result, h("p", { class: "bad" }, error.message)),
    );
  }
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.rules),
      h("p", { class: "hint" }, words.rulesHint),
      filter(
        (given) => shell.go("rules", given),
        words.ask,
        field(words.userEmpty, "user", asked.user),
        choice(words.wants, "command", asked.command, [
          ["SUBSCRIBE", words.subscribeTo],
          ["SEND", words.sendTo],
        ]),
        field(words.destination, "destination", asked.destination, {
          required: true,
          placeholder: "/topic/news",
        }),
      ),
      result,
    ),
  };

  function verdictOf({ granted, rule, reason, asked: were, servedBy, method, asWhom, heardBy }: RuleAnswer) {
    const isHearing = asked.command === "SUBSCRIBE";
    const sentence = isHearing
      ? granted
        ? words.mayHear
        : words.mayNotHear
      : granted
        ? words.maySend
        : words.mayNotSend;
    const who = asked.user === "" ? words.aStranger : plain(asked.user);
    const served = {
      controllers: say(words.servedControllers, method ?? ""),
      broker: words.servedBroker,
      users: words.servedUsers,
      nobody: words.servedNobody,
    }[servedBy ?? "nobody"];
    return h(
      "div",
      { class: `verdict ${granted ? "good" : "bad"}` },
      h("strong", { class: granted ? "good" : "bad" }, say(sentence, who, plain(asked.destination))),
      h("p", {}, words.decidedBy, mono(rule)),
      reason !== undefined && h("p", {}, say(words.reasonIs, plain(reason))),
      asWhom === "name" && h("p", { class: "warn" }, say(words.onlyName, who)),
      h("p", { class: servedBy ? undefined : "warn" }, served ?? ""),
      h(
        "p",
        {},
        `${say(words.heardBy, number(heardBy))} `,
        heardBy > 0 &&
          h("a", { href: addressOf("sessions", { destination: asked.destination }) }, words.hearNow),
      ),
      were.length > 1 && h("h3", {}, words.asked),
      were.length > 1 &&
        h(
          "ol",
          { class: "asked" },
          ...were.map((each) =>
            h(
              "li",
              {},
              mono(each.rule),
              " ",
              h("span", { class: each.granted ? "good" : "bad" }, each.granted ? words.grants : words.denies),
            ),
          ),
        ),
    );
  }
};

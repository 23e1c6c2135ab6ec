import type { FrameRow } from "./answers.js";
import { queryOf, refusalOf } from "./api.js";
import { fill, h, mono, plain } from "./dom.js";
import { bytes, lasted, number, timeOfDay } from "./format.js";
import { field, filter } from "./list.js";
import type { MakeView } from "./view.js";
import { say, words } from "./words.js";

/** So many frames stay on the page. */
const FRAMES = 500;

/** Frames of one session or destination, as they pass. */
export const tap: MakeView = (shell, parameters) => {
  const of = parameters.get("of") ?? "";
  const state = h("p", { class: "hint", role: "status" });
  const frames = h("ol", { class: "frames", tabindex: 0, "aria-label": words.tap, hidden: true });
  const empty = h("p", { class: "empty", hidden: true }, words.noFrames);
  const stopButton = h("button", { type: "button", click: () => end(words.ended) }, words.stop);
  const clearButton = h("button", { type: "button", click: () => show() }, words.clear);
  const actions = h("div", { class: "actions", hidden: true }, stopButton, clearButton);
  let source: EventSource | undefined;

  const end = (text: string) => {
    source?.close();
    source = undefined;
    stopButton.disabled = true;
    fill(state, text);
  };
  const show = (...children: HTMLElement[]) => {
    if (children.length === 0) fill(frames);
    // A person who reads further down is not moved.
    const isAtTop = frames.scrollTop < 40;
    frames.prepend(...children);
    if (isAtTop) frames.scrollTop = 0;
    while (frames.childElementCount > FRAMES) frames.lastElementChild?.remove();
    frames.hidden = frames.childElementCount === 0;
    empty.hidden = !frames.hidden;
  };

  if (of !== "") begin();
  return {
    element: h(
      "section",
      {},
      h("h2", {}, words.tap),
      h(
        "p",
        { class: "hint" },
        `${words.tapHint} ${shell.may("payloads") ? words.tapBodies : words.tapNoBodies}`,
      ),
      filter(
        ({ of: wanted = "" }) => shell.go("tap", { of: wanted, at: Date.now() }),
        words.start,
        field(words.tapWhat, "of", of, { required: true, placeholder: "/topic/**" }),
      ),
      actions,
      state,
      frames,
      empty,
    ),
    leave: () => source?.close(),
  };

  function begin(): void {
    actions.hidden = false;
    empty.hidden = false;
    const target: Record<string, string> = /^[0-9a-f-]{36}$/.test(of) ? { session: of } : { destination: of };
    source = new EventSource(`api/tap${queryOf(target)}`);
    source.addEventListener("begin", ({ data }) => {
      const { duration } = JSON.parse(data as string) as { duration: number };
      fill(state, say(words.live, lasted(new Date(0).toISOString(), duration)));
    });
    source.addEventListener("frame", ({ data }) => show(lineOf(JSON.parse(data as string) as FrameRow)));
    source.addEventListener("left-out", ({ data }) => {
      const { frames: count } = JSON.parse(data as string) as { frames: number };
      show(h("li", { class: "warn" }, say(words.leftOut, number(count))));
    });
    source.addEventListener("end", ({ data }) => {
      const { reason } = JSON.parse(data as string) as { reason: string };
      end(reason === "time" ? words.endedTime : words.endedClosing);
    });
    source.addEventListener("error", () => {
      const isRefused = source?.readyState === EventSource.CLOSED;
      // The browser would try again by itself, and begin another tap.
      end(words.lost);
      // It keeps the sentence of a refusal for itself.
      if (isRefused) void refusalOf("tap", target).then((text) => text && fill(state, text));
    });
  }
};

function lineOf({
  at,
  from,
  command,
  session,
  user,
  destination,
  headers,
  bytes: size,
  body,
  isCut,
}: FrameRow): HTMLElement {
  const sender = { client: words.client, application: words.application, server: words.fromServer }[from];
  const who = user ?? session?.slice(0, 8);
  const text = headers.map(([name, value]) => `${plain(name)}: ${plain(value)}`).join("\n");
  return h(
    "li",
    {},
    h(
      "div",
      { class: "line" },
      h("time", { datetime: at }, timeOfDay(at)),
      h("span", { class: `tag ${from}` }, sender),
      h("strong", {}, command),
      destination !== undefined && mono(destination),
      who !== undefined && h("span", { class: "mono" }, plain(who)),
    ),
    body !== undefined &&
      body !== "" &&
      h("pre", { class: "mono", dir: "auto" }, shown(body), isCut && ` … (${words.cutBody})`),
    h(
      "details",
      {},
      h("summary", {}, say(words.headersBytes, headers.length, bytes(size))),
      h("pre", { class: "mono", dir: "auto" }, text),
    ),
  );
}

/** A body, whose lines are lines. */
function shown(body: string): string {
  return body
    .split(/\r?\n/)
    .map((line) => plain(line.replaceAll("\t", "  ")))
    .join("\n");
}

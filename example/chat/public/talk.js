import { paintAvatar } from "./avatar.js";

/** The messages of a room on the page, in the order of their numbers, whatever order they arrive in. */
export class Talk {
  #list;
  #member;
  #texts;
  #clock;
  #calendar;

  constructor(list, member, texts) {
    this.#list = list;
    this.#member = member;
    this.#texts = texts;
    this.#clock = new Intl.DateTimeFormat(texts.language, { timeStyle: "short" });
    this.#calendar = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" });
  }

  /** Shows what the server told: a message, or that someone came in. */
  add(news) {
    const atEnd = this.#isAtEnd();
    if (news.kind === "enter") this.#list.append(this.#entrance(news));
    else this.#place(news);

    if (atEnd || news.writer === this.#member) this.#list.lastElementChild.scrollIntoView({ block: "end" });
  }

  #isAtEnd() {
    const view = this.#list.parentElement;
    return view.scrollHeight - view.scrollTop - view.clientHeight < 80;
  }

  #place(message) {
    const shown = [...this.#list.querySelectorAll("li[data-id]")];
    // What is shown already comes again with the history, after a reconnect.
    if (shown.some((item) => Number(item.dataset.id) === message.id)) return;

    const before = shown.findLast((item) => Number(item.dataset.id) < message.id);
    const item = this.#bubble(message);
    if (before) before.after(item);
    else if (shown.length > 0) shown[0].before(item);
    else this.#list.prepend(item);
    this.#joinRuns();
  }

  #bubble({ id, writer, message, sentAt }) {
    const own = writer === this.#member;
    const item = make("li", own ? "message own" : "message");
    item.dataset.id = String(id);
    item.dataset.writer = writer;

    const avatar = make("span", "avatar");
    avatar.setAttribute("aria-hidden", "true");
    paintAvatar(avatar, writer);

    const bubble = make("div", "bubble");
    // Text nodes: what looks like HTML stays text.
    bubble.append(make("p", "text", message), this.#time(sentAt));
    item.append(avatar, make("span", "writer", writer), bubble);
    return item;
  }

  #entrance({ writer, sentAt }) {
    const item = make(
      "li",
      "entrance",
      this.#texts.entered.replace("{name}", () => writer),
    );
    item.title = this.#calendar.format(sentAt);
    return item;
  }

  #time(sentAt) {
    const date = new Date(sentAt);
    const today = date.toDateString() === new Date().toDateString();
    const time = make("time", "", (today ? this.#clock : this.#calendar).format(date));
    time.dateTime = date.toISOString();
    return time;
  }

  /** Marks what continues the bubble above it, so that name and picture stand once. */
  #joinRuns() {
    let above;
    for (const item of this.#list.children) {
      item.classList.toggle("continued", item.dataset.writer !== undefined && item.dataset.writer === above);
      above = item.dataset.writer;
    }
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

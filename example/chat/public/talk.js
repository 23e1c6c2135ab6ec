import { paintAvatar } from "./avatar.js";

/** The messages of a room on the page: in their own order, whatever order they arrive in. */
export class Talk {
  #list;
  #member;
  #texts;
  #clock;
  #calendar;
  /** What each item of the list shows. */
  #news = new Map();
  /** The numbers of the messages that are shown. */
  #shown = new Set();

  constructor(list, member, texts) {
    this.#list = list;
    this.#member = member;
    this.#texts = texts;
    this.#clock = new Intl.DateTimeFormat(texts.language, { timeStyle: "short" });
    this.#calendar = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" });
  }

  /** Shows what the server told: a message, or that someone came in. */
  add(news) {
    // What is shown already comes again with the history, after a reconnect.
    if (news.kind === "message" && this.#shown.has(news.id)) return;

    const atEnd = this.#isAtEnd();
    const item = news.kind === "message" ? this.#bubble(news) : this.#entrance(news);
    this.#place(item, news);
    if (atEnd || news.writer === this.#member) this.#list.parentElement.scrollTop = this.#list.scrollHeight;
  }

  #isAtEnd() {
    const view = this.#list.parentElement;
    return view.scrollHeight - view.scrollTop - view.clientHeight < 80;
  }

  #place(item, news) {
    const before = [...this.#list.children].findLast((shown) => isBefore(this.#news.get(shown), news));
    if (before) before.after(item);
    else this.#list.prepend(item);

    this.#news.set(item, news);
    if (news.kind === "message") this.#shown.add(news.id);
    this.#joinRuns();
  }

  #bubble({ writer, message, sentAt }) {
    const own = writer === this.#member;
    const item = make("li", own ? "message own" : "message");
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
      const { kind, writer } = this.#news.get(item);
      item.classList.toggle("continued", kind === "message" && writer === above);
      above = kind === "message" ? writer : undefined;
    }
  }
}

/** Messages are in the order of their numbers; someone's coming in has only its time. */
function isBefore(one, other) {
  return one.kind === "message" && other.kind === "message" ? one.id < other.id : one.sentAt <= other.sentAt;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

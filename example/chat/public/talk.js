import { paintAvatar } from "./avatar.js";

/** @import { ChatEntrance, ChatMessage, PrivateMessage } from "../chat-contract.js" */
/** @typedef {ChatMessage | ChatEntrance | PrivateMessage} News */

/** The messages of a room on the page: in their own order, whatever order they arrive in. */
export class Talk {
  #list;
  #view;
  #member;
  #texts;
  #reply;
  #clock;
  #calendar;
  /**
   * The message that each item of the list shows.
   *
   * @type {Map<Element, News>}
   */
  #news = new Map();
  /** The messages that are shown, by kind and number. */
  #shown = new Set();

  /**
   * @param {HTMLElement} list
   * @param {object} options
   * @param {string} options.member whose page it is
   * @param {import("../texts.js").Texts} options.texts
   * @param {(name: string) => void} options.reply is called with the name of whom to answer privately
   */
  constructor(list, { member, texts, reply }) {
    this.#list = list;
    this.#view = list.parentElement ?? list;
    this.#member = member;
    this.#texts = texts;
    this.#reply = reply;
    this.#clock = new Intl.DateTimeFormat(texts.language, { timeStyle: "short" });
    this.#calendar = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" });
  }

  /**
   * Shows what the server told: a message, to all or to one, or that someone came in.
   *
   * @param {News} news
   */
  add(news) {
    // Messages that are shown already come again with the history, after a reconnect; or are sent again.
    const name = nameOf(news);
    if (name !== undefined && this.#shown.has(name)) return;

    const atEnd = this.#isAtEnd();
    const item = news.kind === "enter" ? this.#entrance(news) : this.#bubble(news);
    this.#place(item, news);
    if (atEnd || news.writer === this.#member) this.#view.scrollTop = this.#list.scrollHeight;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#view;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  /**
   * @param {HTMLElement} item
   * @param {News} news
   */
  #place(item, news) {
    const before = [...this.#list.children].findLast((shown) => {
      const other = this.#news.get(shown);
      return other && isBefore(other, news);
    });
    if (before) before.after(item);
    else this.#list.prepend(item);

    this.#news.set(item, news);
    const name = nameOf(news);
    if (name !== undefined) this.#shown.add(name);
    this.#joinRuns();
  }

  /** @param {ChatMessage | PrivateMessage} news */
  #bubble(news) {
    const { kind, writer, message, sentAt } = news;
    const item = make("li", "message");
    item.classList.toggle("own", writer === this.#member);
    item.classList.toggle("private", kind === "private");
    const avatar = make("span", "avatar");
    avatar.setAttribute("aria-hidden", "true");
    paintAvatar(avatar, writer);

    const bubble = make("div", "bubble");
    // Text nodes: what looks like HTML stays text.
    bubble.append(make("p", "text", message), this.#time(sentAt));
    item.append(
      avatar,
      news.kind === "private" ? this.#privateWriter(news) : make("span", "writer", writer),
      bubble,
    );
    return item;
  }

  /**
   * Says between whom it is; whom it comes from can be answered.
   *
   * @param {PrivateMessage} news
   */
  #privateWriter({ writer, recipient }) {
    const own = writer === this.#member;
    const other = own ? recipient : writer;
    const text = own ? this.#texts.privatelyTo : this.#texts.privatelyFrom;
    const button = make(
      "button",
      "writer",
      text.replace("{name}", () => other),
    );
    button.type = "button";
    button.title = this.#texts.writePrivately.replace("{name}", () => other);
    button.addEventListener("click", () => this.#reply(other));
    return button;
  }

  /** @param {ChatEntrance} news */
  #entrance({ writer, sentAt }) {
    const item = make(
      "li",
      "entrance",
      this.#texts.entered.replace("{name}", () => writer),
    );
    item.title = this.#calendar.format(sentAt);
    return item;
  }

  /** @param {number} sentAt */
  #time(sentAt) {
    const date = new Date(sentAt);
    const today = date.toDateString() === new Date().toDateString();
    const time = make("time", "", (today ? this.#clock : this.#calendar).format(date));
    time.dateTime = date.toISOString();
    return time;
  }

  /** Marks what continues the bubble above it, so that name and picture stand once. */
  #joinRuns() {
    /** @type {string | undefined} */
    let above;
    for (const item of this.#list.children) {
      const news = this.#news.get(item);
      const run = news && runOf(news);
      item.classList.toggle("continued", run !== undefined && run === above);
      above = run;
    }
  }
}

/**
 * The name that a message is known by; entrances are as many as they are told.
 *
 * @param {News} news
 */
function nameOf(news) {
  if (news.kind === "enter") return undefined;
  return `${news.kind} ${news.id}`;
}

/**
 * The writer, and for whom: messages of the same run stand together.
 *
 * @param {News} news
 */
function runOf(news) {
  if (news.kind === "enter") return undefined;
  return JSON.stringify([news.writer, news.kind === "private" ? news.recipient : undefined]);
}

/**
 * Messages of the room are in the order of their numbers, and so are private ones; all else has only its time.
 *
 * @param {News} one
 * @param {News} other
 */
function isBefore(one, other) {
  if (one.kind === "enter" || other.kind === "enter" || one.kind !== other.kind)
    return one.sentAt <= other.sentAt;
  return one.id < other.id;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {string} [text]
 */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

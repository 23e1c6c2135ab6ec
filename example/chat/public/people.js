import { paintAvatar } from "./avatar.js";

/** The members in the room: each a button to write to them, and for the staff one to end their session. */
export class People {
  #list;
  #member;
  #isStaff;
  #texts;
  #write;
  #end;
  /**
   * The items of the list, by name.
   *
   * @type {Map<string, HTMLElement>}
   */
  #items = new Map();

  /**
   * @param {HTMLElement} list
   * @param {object} options
   * @param {string} options.member whose page it is
   * @param {boolean} options.isStaff
   * @param {import("../texts.js").Texts} options.texts
   * @param {(name: string) => void} options.write is called with the name of whom to write to
   * @param {(name: string) => void} options.end is called with the name of whose session to end
   */
  constructor(list, { member, isStaff, texts, write, end }) {
    this.#list = list;
    this.#member = member;
    this.#isStaff = isStaff;
    this.#texts = texts;
    this.#write = write;
    this.#end = end;
  }

  /**
   * Shows these people, and nobody else.
   *
   * @param {readonly string[]} names
   */
  show(names) {
    const { activeElement } = document;
    const focused = this.#list.contains(activeElement) ? activeElement : undefined;
    // Items stay who stay, so that nobody's button vanishes below a finger or loses the focus.
    this.#items = new Map(names.map((name) => [name, this.#items.get(name) ?? this.#item(name)]));
    this.#list.replaceChildren(...this.#items.values());
    if (focused instanceof HTMLElement) focused.focus();
  }

  /** @param {string} name */
  #item(name) {
    const item = document.createElement("li");
    const own = name === this.#member;
    const button = own ? undefined : document.createElement("button");
    const person = button ?? document.createElement("span");
    person.className = "person";
    const avatar = document.createElement("span");
    avatar.className = "avatar";
    avatar.setAttribute("aria-hidden", "true");
    paintAvatar(avatar, name);
    const label = document.createElement("span");
    label.textContent = own ? this.#texts.you.replace("{name}", () => name) : name;
    person.append(avatar, label);
    item.append(person);
    if (!button) return item;

    this.#makeButton(button, this.#texts.writePrivately, name, this.#write);
    if (this.#isStaff) {
      const end = document.createElement("button");
      end.className = "end";
      end.textContent = "✕";
      this.#makeButton(end, this.#texts.endSessionOf, name, this.#end);
      item.append(end);
    }
    return item;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} text
   * @param {string} name
   * @param {(name: string) => void} action
   */
  #makeButton(button, text, name, action) {
    button.type = "button";
    button.title = text.replace("{name}", () => name);
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => action(name));
  }
}

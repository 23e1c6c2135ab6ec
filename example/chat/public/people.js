import { paintAvatar } from "./avatar.js";

/** The members in the room: each a button to write to them, and for the staff one to end their session. */
export class People {
  #list;
  #member;
  #isStaff;
  #texts;
  #write;
  #end;
  /** The items of the list, by name. */
  #items = new Map();

  /**
   * @param write is called with the name of whom to write to
   * @param end is called with the name of whose session to end
   */
  constructor(list, { member, isStaff, texts, write, end }) {
    this.#list = list;
    this.#member = member;
    this.#isStaff = isStaff;
    this.#texts = texts;
    this.#write = write;
    this.#end = end;
  }

  /** Shows these people, and nobody else. */
  show(names) {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : undefined;
    // Items stay who stay, so that nobody's button vanishes below a finger or loses the focus.
    this.#items = new Map(names.map((name) => [name, this.#items.get(name) ?? this.#item(name)]));
    this.#list.replaceChildren(...this.#items.values());
    focused?.focus();
  }

  #item(name) {
    const item = document.createElement("li");
    const own = name === this.#member;
    const person = document.createElement(own ? "span" : "button");
    person.className = "person";
    const avatar = document.createElement("span");
    avatar.className = "avatar";
    avatar.setAttribute("aria-hidden", "true");
    paintAvatar(avatar, name);
    const label = document.createElement("span");
    label.textContent = own ? this.#texts.you.replace("{name}", () => name) : name;
    person.append(avatar, label);
    item.append(person);
    if (own) return item;

    this.#makeButton(person, this.#texts.writePrivately, name, this.#write);
    if (this.#isStaff) {
      const end = document.createElement("button");
      end.className = "end";
      end.textContent = "✕";
      this.#makeButton(end, this.#texts.endSessionOf, name, this.#end);
      item.append(end);
    }
    return item;
  }

  #makeButton(button, text, name, action) {
    button.type = "button";
    button.title = text.replace("{name}", () => name);
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => action(name));
  }
}

/** The list that opens above the message box: commands, people, choices. One is enough, since one field has the focus. */

import { el } from "./dom.js";

/** A list of suggestions for a field, worked by keyboard or press; follows the ARIA combobox pattern. */
export class Completion {
  constructor(box) {
    this.box = box;
    this.items = [];
    this.active = 0;
    this.field = null;
    this.choose = null;
    // Pressing a suggestion must not take the focus from the field.
    box.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get isOpen() {
    return !this.box.hidden;
  }

  /** Show suggestions for `field`: items are `{title, detail?, picture?, value}`; `choose(item)` is called with one. */
  open(field, { title, items, empty = null }, choose) {
    if (items.length === 0 && empty === null) {
      this.close();
      return;
    }
    this.field = field;
    this.items = items;
    this.choose = choose;
    this.active = 0;
    const rows = items.map((item, index) => this.row(item, index));
    const list = el("ul", { role: "listbox", id: "completion-list", "aria-label": title }, ...rows);
    this.box.replaceChildren(el("div", { class: "completion-title", text: title }), items.length === 0 ? el("div", { class: "completion-empty", text: empty }) : list);
    this.box.hidden = false;
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", "completion-list");
    this.mark();
  }

  row(item, index) {
    return el(
      "li",
      { role: "option", id: `completion-${index}`, "data-testid": "completion", on: { click: () => this.take(index), pointermove: () => this.point(index) } },
      item.picture ?? null,
      el("span", { class: "completion-name", text: item.title }),
      item.detail ? el("span", { class: "completion-detail", text: item.detail }) : null,
    );
  }

  point(index) {
    if (this.active === index) return;
    this.active = index;
    this.mark();
  }

  mark() {
    [...this.box.querySelectorAll("[role=option]")].forEach((node, index) => {
      node.setAttribute("aria-selected", String(index === this.active));
      if (index === this.active) node.scrollIntoView({ block: "nearest" });
    });
    if (this.items.length > 0) this.field.setAttribute("aria-activedescendant", `completion-${this.active}`);
  }

  take(index) {
    const item = this.items[index];
    const choose = this.choose;
    this.close();
    if (item !== undefined) choose(item);
  }

  /** Work the list by a key of its field; returns whether the key was used up. */
  handleKey(event) {
    if (!this.isOpen || event.isComposing) return false;
    const count = this.items.length;
    if (event.key === "Escape") this.close();
    else if (count === 0) return false;
    else if (event.key === "ArrowDown") this.point((this.active + 1) % count);
    else if (event.key === "ArrowUp") this.point((this.active + count - 1) % count);
    else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) this.take(this.active);
    else return false;
    event.preventDefault();
    return true;
  }

  /** Close the list. */
  close() {
    if (this.box.hidden) return;
    this.box.hidden = true;
    this.box.replaceChildren();
    this.items = [];
    for (const name of ["aria-activedescendant", "aria-controls"]) this.field?.removeAttribute(name);
    this.field?.setAttribute("aria-expanded", "false");
  }
}

/** One option of a slash command: its field, its suggestions, and the value it gives. */

import { localDescription, localName, OPTION } from "./commands.js";
import { el } from "./dom.js";
import { avatar, everyone, nameOf } from "./people.js";

/** A field for one option. `context` gives `store`, `wording` and `completion`. */
export class SlashOption {
  constructor(option, context, remove = null) {
    this.option = option;
    this.context = context;
    this.chosen = null;
    const { wording } = context;
    this.name = localName(option, wording.locale);
    this.description = localDescription(option, wording.locale);
    this.input = el("input", {
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      inputmode: option.type === OPTION.INTEGER ? "numeric" : option.type === OPTION.NUMBER ? "decimal" : null,
      maxlength: option.max_length ?? null,
      role: this.picks ? "combobox" : null,
      "aria-expanded": this.picks ? "false" : null,
      "aria-label": `${this.name}${option.required ? `, ${wording.text("required")}` : ""}: ${this.description}`,
      "aria-required": option.required ? "true" : null,
      "data-testid": `option-${option.name}`,
    });
    const cross = remove === null ? null : el("button", { type: "button", class: "option-remove", "aria-label": wording.text("optionRemove", { name: this.name }), text: "×", on: { click: remove } });
    const mark = option.required ? el("span", { class: "required", "aria-hidden": "true", text: "*" }) : null;
    this.node = el("label", { class: "slash-option" }, el("span", { class: "slash-option-name" }, this.name, mark), this.input, cross);
    this.input.addEventListener("input", () => this.noteInput());
    this.input.addEventListener("focus", () => this.suggest());
    this.input.addEventListener("blur", () => context.completion.close());
    this.resize();
  }

  /** Whether the value comes from a list. */
  get picks() {
    const { type, choices } = this.option;
    return (choices ?? []).length > 0 || [OPTION.BOOLEAN, OPTION.USER, OPTION.CHANNEL, OPTION.ROLE, OPTION.MENTIONABLE].includes(type);
  }

  noteInput() {
    this.chosen = null;
    this.node.classList.remove("invalid");
    this.resize();
    this.suggest();
  }

  resize() {
    this.input.size = Math.max(4, Math.min(40, [...this.input.value].length + 1));
  }

  things() {
    const { store, wording } = this.context;
    const { type, choices } = this.option;
    if ((choices ?? []).length > 0) return choices.map((choice) => ({ title: choice.name_localizations?.[wording.locale] ?? choice.name, value: choice.value }));
    if (type === OPTION.BOOLEAN) return [true, false].map((value) => ({ title: wording.text(String(value)), value }));
    if (type === OPTION.CHANNEL) return store.world.channels.map((channel) => ({ title: `#${channel.name}`, value: channel.id }));
    return everyone(store).map((user) => ({ title: nameOf(user), detail: user.role ? roleText(wording, user.role) : null, value: user.id, picture: avatar(user, "tiny") }));
  }

  suggest() {
    if (this.option.autocomplete) this.ask();
    if (!this.picks) return;
    const typed = this.input.value.trim().replace(/^@/, "").toLowerCase();
    const fitting = this.things().filter(({ title }) => this.chosen !== null || title.toLowerCase().includes(typed));
    this.context.completion.open(this.input, { title: this.name, items: fitting }, (item) => this.take(item));
  }

  /** Ask the bot for choices; an answer to older letters than those in the field is dropped. */
  async ask() {
    if (this.chosen !== null) return;
    const typed = this.input.value;
    const choices = await this.context.autocomplete(this.option.name, typed);
    if (this.input.value !== typed || document.activeElement !== this.input) return;
    const items = choices.map((choice) => ({ title: choice.name_localizations?.[this.context.wording.locale] ?? choice.name, value: choice.value }));
    this.context.completion.open(this.input, { title: this.name, items }, (item) => this.take(item));
  }

  take(item) {
    this.chosen = item;
    this.input.value = item.title;
    this.node.classList.remove("invalid");
    this.resize();
    this.context.onTaken?.(this);
  }

  /** Whether nothing was entered. */
  get isEmpty() {
    return this.input.value.trim() === "";
  }

  /** Return the value, or undefined when what was typed is none of the choices or no number. */
  value() {
    const typed = this.input.value.trim();
    if (this.option.autocomplete && this.chosen !== null) return this.chosen.value;
    if (this.picks) {
      if (this.chosen !== null) return this.chosen.value;
      const wanted = typed.replace(/^@/, "").toLowerCase();
      const found = this.things().find(({ title, value }) => title.toLowerCase() === wanted || value === typed);
      return found?.value;
    }
    if (this.option.type !== OPTION.INTEGER && this.option.type !== OPTION.NUMBER) return this.input.value;
    const pattern = this.option.type === OPTION.INTEGER ? /^-?\d{1,16}$/ : /^-?\d{1,16}([.,]\d{1,9})?$/;
    return pattern.test(typed) ? Number(typed.replace(",", ".")) : undefined;
  }

  /** Mark the field as wrong and put the focus there. */
  complain() {
    this.node.classList.add("invalid");
    this.input.focus();
  }
}

/** Return the words for a person's role; the bot's is its badge. */
export const roleText = (wording, role) => (role === "app" ? wording.text("app") : wording.text(`role_${role}`));

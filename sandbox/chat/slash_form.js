/** The message box while a slash command is filled in: its name, a field per option, and chips for the optional ones. */

import { localName, OPTION } from "./commands.js";
import { el } from "./dom.js";
import { SlashOption } from "./slash_option.js";

/** Fills in one command. `done` is called when it was sent or left. */
export class SlashForm {
  constructor(command, context, { host, send, done, complain }) {
    this.command = command;
    this.host = host;
    this.send = send;
    this.done = done;
    this.complain = complain;
    this.context = {
      ...context,
      onTaken: (option) => this.moveOn(option),
      autocomplete: (name, typed) => context.session.choices(command.path, { ...this.filled(), [name]: typed }, name),
    };
    // A file cannot be carried by the Control API, so it is not offered.
    const usable = command.options.filter((option) => option.type !== OPTION.FILE);
    this.fields = usable.filter((option) => option.required).map((option) => new SlashOption(option, this.context));
    this.spare = usable.filter((option) => !option.required);
    this.hint = el("div", { class: "slash-hint", text: command.description });
    this.row = el("div", { class: "slash-row", role: "group", "aria-label": `/${command.shown}` });
    this.name = el("span", { class: "slash-name", text: `/${command.shown}`, tabindex: 0, "data-testid": "slash-name" });
    host.replaceChildren(this.hint, this.row);
    host.hidden = false;
    this.draw();
    host.onkeydown = (event) => this.handleKey(event);
    host.onfocusin = (event) => this.describe(event.target);
    (this.fields[0]?.input ?? this.name).focus();
  }

  draw() {
    const { wording } = this.context;
    const chips = this.spare.map((option) =>
      el("button", { type: "button", class: "slash-chip", title: wording.text("optionMore"), "data-testid": `add-option-${option.name}`, text: `+ ${localName(option, wording.locale)}`, on: { click: () => this.add(option) } }),
    );
    const leave = el("button", { type: "button", class: "icon-button", "aria-label": wording.text("commandLeave"), text: "×", on: { click: () => this.leave() } });
    this.row.replaceChildren(this.name, ...this.fields.map((field) => field.node), ...chips, leave);
  }

  describe(target) {
    const field = this.fields.find((one) => one.input === target);
    this.hint.replaceChildren(field === undefined ? this.command.description : el("strong", { text: field.name }), field === undefined ? "" : ` ${field.description}`);
  }

  add(option) {
    this.spare = this.spare.filter((one) => one !== option);
    const field = new SlashOption(option, this.context, () => this.remove(field));
    this.fields.push(field);
    this.draw();
    field.input.focus();
  }

  remove(field) {
    this.fields = this.fields.filter((one) => one !== field);
    this.spare.push(field.option);
    this.draw();
    (this.fields.at(-1)?.input ?? this.name).focus();
  }

  /** After a choice, go to the next field that is still empty. */
  moveOn(taken) {
    const next = this.fields.slice(this.fields.indexOf(taken) + 1).find((field) => field.isEmpty);
    next?.input.focus();
  }

  handleKey(event) {
    if (event.isComposing || this.context.completion.handleKey(event)) return;
    if (event.key === "Enter" && (event.target.tagName === "INPUT" || event.target === this.name)) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" || (event.key === "Backspace" && event.target === (this.fields[0]?.input ?? this.name) && !event.target.value)) {
      event.preventDefault();
      this.leave();
    }
  }

  leave() {
    this.close();
    this.done();
  }

  close() {
    this.context.completion.close();
    this.host.hidden = true;
    this.host.replaceChildren();
    this.host.onkeydown = null;
    this.host.onfocusin = null;
  }

  /** The values entered so far that are complete. */
  filled() {
    const complete = this.fields.filter((field) => !field.isEmpty && field.value() !== undefined);
    return Object.fromEntries(complete.map((field) => [field.option.name, field.value()]));
  }

  /** Check the fields and run the command; the first wrong field is named. */
  async submit() {
    const { wording } = this.context;
    const options = {};
    for (const field of this.fields) {
      if (field.isEmpty) {
        if (!field.option.required) continue;
        this.refuse(field, wording.text("optionMissing", { name: field.name }));
        return;
      }
      const value = field.value();
      if (value === undefined) {
        this.refuse(field, wording.text(field.picks ? "optionChoice" : "optionNumber", { name: field.name }));
        return;
      }
      options[field.option.name] = value;
    }
    if (await this.send(this.command.path, options)) this.leave();
  }

  refuse(field, words) {
    field.complain();
    this.complain(words);
  }
}

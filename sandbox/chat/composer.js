/** The message box: typing, completion of commands and people, answers, and sending. */

import { flatten, matching } from "./commands.js";
import { el, icon } from "./dom.js";
import { avatar, everyone, nameOf } from "./people.js";
import { SlashForm } from "./slash_form.js";
import { roleText } from "./slash_option.js";

const MOST_LINES_PX = 220;

/** Return the text with "@Name" and "#channel" turned into mentions, the longest names first. */
export function withMentions(text, store) {
  const names = [
    ...everyone(store).map((user) => ({ written: `@${nameOf(user)}`, sent: `<@${user.id}>` })),
    ...store.world.channels.map((channel) => ({ written: `#${channel.name}`, sent: `<#${channel.id}>` })),
  ].sort((first, second) => second.written.length - first.written.length);
  return names.reduce((sent, name) => sent.split(name.written).join(name.sent), text);
}

/** Owns the message box. `parts`: `form`, `field`, `slashHost`, `completion`, `replyBar`, `notice`. */
export class Composer {
  constructor(context, parts) {
    this.context = context;
    this.parts = parts;
    this.answering = null;
    this.slash = null;
    const { field, form } = parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    field.addEventListener("input", () => this.noteInput());
    field.addEventListener("click", () => this.suggest());
    field.addEventListener("keydown", (event) => this.handleKey(event));
    field.addEventListener("blur", () => context.completion.close());
    const { store, session } = context;
    session.addEventListener("refused", (event) => this.complain(context.wording.text("refused", { reason: event.detail ?? context.wording.text("unreached") })));
    store.addEventListener("channel", () => this.reset());
    store.addEventListener("viewer", () => this.reset());
    store.addEventListener("commands", () => this.suggestIfFocused());
  }

  /** Start afresh: another room or viewer. */
  reset() {
    this.leaveCommand();
    this.answer(null);
    this.complain("");
    this.relabel();
  }

  /** Say where a message would go, in the viewer's language. */
  relabel() {
    const { store, wording } = this.context;
    const channel = store.world.channels.find((one) => one.id === store.channel);
    const bot = store.world.bot;
    const label = channel ? wording.text("composerIn", { channel: channel.name }) : wording.text("composerDm", { name: bot === null ? "Jauge" : nameOf(bot) });
    this.parts.field.placeholder = label;
    this.parts.field.setAttribute("aria-label", label);
  }

  noteInput() {
    const { field } = this.parts;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, MOST_LINES_PX)}px`;
    this.complain("");
    this.suggest();
  }

  suggestIfFocused() {
    if (document.activeElement === this.parts.field) this.suggest();
  }

  /** Open the list that fits what stands before the caret. */
  suggest() {
    const { field } = this.parts;
    const before = field.value.slice(0, field.selectionStart);
    const person = /(^|[\s(])@([^\s@]{0,32})$/u.exec(before);
    if (field.value.startsWith("/") && !field.value.includes("\n")) this.suggestCommands(before.slice(1));
    else if (person !== null) this.suggestPeople(person[2]);
    else this.context.completion.close();
  }

  suggestCommands(typed) {
    const { store, wording, completion } = this.context;
    const leaves = flatten(store.commands, wording.locale);
    const exact = leaves.find(({ path, shown }) => typed === `${path} ` || typed === `${shown} `);
    if (exact !== undefined) {
      this.enterCommand(exact);
      return;
    }
    const items = matching(leaves, typed).map((leaf) => ({ title: `/${leaf.shown}`, detail: leaf.description, value: leaf }));
    const empty = wording.text(leaves.length === 0 ? "noCommandsYet" : "noCommand");
    completion.open(this.parts.field, { title: wording.text("commandsOf"), items, empty }, (item) => this.enterCommand(item.value));
  }

  suggestPeople(typed) {
    const { store, wording, completion } = this.context;
    const wanted = typed.toLowerCase();
    const items = everyone(store)
      .filter((user) => nameOf(user).toLowerCase().includes(wanted))
      .map((user) => ({ title: nameOf(user), detail: roleText(wording, user.role), value: user, picture: avatar(user, "tiny") }));
    completion.open(this.parts.field, { title: wording.text("people"), items }, (item) => this.insertPerson(item.value, typed));
  }

  insertPerson(user, typed) {
    const { field } = this.parts;
    const start = field.selectionStart - typed.length;
    field.setRangeText(`${nameOf(user)} `, start, field.selectionStart, "end");
    this.noteInput();
  }

  /** Begin the command of this name, as after choosing it from the list. */
  startCommand(name) {
    const leaf = flatten(this.context.store.commands, this.context.wording.locale).find((one) => one.path === name);
    if (leaf !== undefined) this.enterCommand(leaf);
  }

  enterCommand(command) {
    const { field, form, slashHost } = this.parts;
    this.leaveCommand();
    field.value = "";
    form.classList.add("in-command");
    this.slash = new SlashForm(command, this.context, {
      host: slashHost,
      send: (path, options) => this.context.session.slash(path, options),
      done: () => {
        this.leaveCommand();
        field.focus();
      },
      complain: (words) => this.complain(words),
    });
  }

  leaveCommand() {
    this.slash?.close();
    this.slash = null;
    this.parts.form.classList.remove("in-command");
  }

  handleKey(event) {
    if (this.context.completion.handleKey(event) || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape") this.answer(null);
  }

  /** Send what stands in the box, or the command being filled in. */
  async submit() {
    if (this.slash !== null) {
      await this.slash.submit();
      return;
    }
    const { field } = this.parts;
    const written = field.value;
    if (written.trim() === "") return;
    const answering = this.answering;
    field.value = "";
    this.answer(null);
    this.noteInput();
    const sent = await this.context.session.say(withMentions(written.trim(), this.context.store), answering?.id ?? null);
    if (!sent && field.value === "") field.value = written;
  }

  /** Type a text letter by letter, so that one sees what to type oneself, and send it. */
  async typeAndSend(text) {
    const { field } = this.parts;
    this.leaveCommand();
    const pause = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 22;
    field.value = "";
    for (const letter of text) {
      field.value += letter;
      if (pause > 0) await new Promise((resume) => setTimeout(resume, pause));
    }
    await this.submit();
    field.focus({ preventScroll: true });
  }

  /** Answer a message; null answers none. */
  answer(message) {
    const { replyBar, field } = this.parts;
    this.answering = message;
    replyBar.hidden = message === null;
    if (message === null) return;
    const { wording } = this.context;
    const cancel = el("button", { type: "button", class: "icon-button", "aria-label": wording.text("cancelReply"), on: { click: () => this.answer(null) } }, icon("close"));
    replyBar.replaceChildren(el("span", { text: wording.text("replyingTo", { name: nameOf(message.author) }) }), cancel);
    field.focus();
  }

  /** Show why something was not sent; an empty text takes it away. */
  complain(words) {
    this.parts.notice.textContent = words;
    this.parts.notice.hidden = words === "";
  }
}

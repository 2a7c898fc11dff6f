/** The list of messages: keeps what is drawn in step with the store, groups, and stays at the bottom when it was there. */

import { el } from "./dom.js";
import { MessageView, momentOf } from "./message_view.js";
import { nameOf } from "./people.js";
import { isPrivate } from "./store.js";
import { dayText } from "./times.js";

const GROUP_MS = 7 * 60_000;
const NEAR_BOTTOM_PX = 80;
const MOST_SHOWN = 250;

const dayOf = (moment) => new Date(moment).toDateString();

/** Return whether `message` stands under the header of `before`. */
function groups(before, message) {
  if (before === null || before.author.id !== message.author.id) return false;
  if (message.interaction?.name || message.reference?.message_id) return false;
  if (isPrivate(before) !== isPrivate(message) || dayOf(momentOf(before)) !== dayOf(momentOf(message))) return false;
  return momentOf(message) - momentOf(before) < GROUP_MS;
}

/** Owns the scrolled list. `parts` are its elements: `scroller`, `list`, `newer` (the button that jumps down). */
export class MessageList {
  constructor(context, parts) {
    this.context = context;
    this.parts = parts;
    this.view = new MessageView(context);
    this.drawn = new Map();
    this.atBottom = true;
    parts.scroller.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    parts.newer.addEventListener("click", () => this.toBottom());
    // A keyboard that opens on a phone, or a composer that grows, must not hide the last message.
    new ResizeObserver(() => this.atBottom && this.toBottom()).observe(parts.scroller);
    const { store } = context;
    store.addEventListener("messages", (event) => event.detail === store.channel && this.draw());
    store.addEventListener("channel", () => this.redraw());
    store.addEventListener("viewer", () => this.redraw());
  }

  noteScroll() {
    const { scroller, newer } = this.parts;
    this.atBottom = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PX;
    if (this.atBottom) newer.hidden = true;
  }

  toBottom() {
    this.parts.scroller.scrollTop = this.parts.scroller.scrollHeight;
    this.parts.newer.hidden = true;
    this.atBottom = true;
  }

  /** Draw the room anew: another room, viewer or language. */
  redraw() {
    this.drawn.clear();
    this.parts.list.replaceChildren();
    this.atBottom = true;
    this.draw();
  }

  /** Bring the list up to date; what did not change stays as it is, with its focus and revealed spoilers. */
  draw() {
    const { store, wording } = this.context;
    const messages = store.messagesOf(store.channel).slice(-MOST_SHOWN);
    const before = this.parts.list.childElementCount;
    const wasAtBottom = this.atBottom;
    const next = new Map();
    let previous = null;
    for (const message of messages) {
      const newDay = previous === null || dayOf(momentOf(previous)) !== dayOf(momentOf(message));
      const facts = { grouped: groups(previous, message), dayLine: newDay ? dayText(momentOf(message), wording.locale) : null };
      next.set(message.id, this.place(message, facts));
      previous = message;
    }
    const intro = this.intro();
    this.order([intro, ...[...next.values()].map((entry) => entry.node)]);
    this.drawn = next;
    if (wasAtBottom) this.toBottom();
    else if (this.parts.list.childElementCount > before) this.parts.newer.hidden = false;
  }

  place(message, facts) {
    const signature = `${message.revision}|${facts.grouped}|${facts.dayLine}`;
    const entry = this.drawn.get(message.id);
    if (entry?.signature === signature) return entry;
    const node = this.view.element(message, facts);
    if (entry !== undefined) this.replace(entry.node, node);
    return { signature, node };
  }

  /** Put the newer drawing where the older one is, and the focus back on the same button. */
  replace(older, newer) {
    const focused = older.contains(document.activeElement) ? document.activeElement.dataset.customId : undefined;
    older.replaceWith(newer);
    if (focused === undefined) return;
    [...newer.querySelectorAll("[data-custom-id]")].find((node) => node.dataset.customId === focused)?.focus({ preventScroll: true });
  }

  /** Make the list's children exactly these, moving only what is out of place. */
  order(nodes) {
    const { list } = this.parts;
    const wanted = new Set(nodes);
    for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
    nodes.forEach((node, index) => {
      if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
    });
  }

  /** The first line of a room, which says where one is. */
  intro() {
    const { store, wording } = this.context;
    const key = `${store.channel}|${store.viewerId}|${wording.language}|${store.world.bot?.id}`;
    if (this.introKey === key && this.introNode.isConnected) return this.introNode;
    this.introKey = key;
    const channel = store.world.channels.find((one) => one.id === store.channel);
    const name = channel?.name ?? (store.world.bot === null ? "Jauge" : nameOf(store.world.bot));
    const texts = channel === undefined ? [name, wording.text("dmStart", { name })] : [wording.text("channelIntro", { channel: name }), wording.text("channelStart", { channel: name })];
    this.introNode = el("li", { class: "intro" }, el("h2", { text: texts[0] }), el("p", { text: texts[1] }));
    return this.introNode;
  }
}

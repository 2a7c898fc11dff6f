/** Draws one message: who, when, the answer line, the text, embeds, components, and the notes below. */

import { el, icon, outgoingLink } from "./dom.js";
import { embedElement } from "./embed_view.js";
import { layoutElement } from "./layout_view.js";
import { avatar, nameOf } from "./people.js";
import { isPrivate, isThinking } from "./store.js";
import { clockText, fullText } from "./times.js";

/** Return the moment of a message in UTC milliseconds. */
export const momentOf = (message) => Date.parse(message.timestamp);

/** Return the text of a message on one line, with the names of those it mentions. */
function named(message) {
  const names = new Map((message.mentions ?? []).map((user) => [user.id, nameOf(user)]));
  return message.content.replace(/<@!?(\d{1,20})>/g, (whole, id) => (names.has(id) ? `@${names.get(id)}` : whole));
}

/** Draws messages for one viewer. `context` gives `store`, `session`, `wording`, `draw` and `replyTo`. */
export class MessageView {
  constructor(context) {
    this.context = context;
  }

  /** Draw a message; `grouped` leaves out what the one above already says. */
  element(message, { grouped, dayLine }) {
    const { store } = this.context;
    const classes = ["message"];
    if (grouped) classes.push("grouped");
    if (isPrivate(message)) classes.push("private");
    if ((message.mentions ?? []).some((user) => user.id === store.viewerId)) classes.push("mentioned");
    const head = grouped ? this.quietTime(message) : avatar(message.author);
    return el(
      "li",
      { class: classes.join(" "), "data-testid": "message", "data-id": message.id, id: `message-${message.id}` },
      dayLine === null ? null : el("div", { class: "day-line", role: "separator", "aria-label": dayLine }, el("span", { text: dayLine })),
      grouped ? null : this.contextLine(message),
      el("div", { class: "message-main" }, el("div", { class: "message-side" }, head), el("div", { class: "message-body" }, grouped ? null : this.header(message), ...this.body(message))),
      this.actions(message),
    );
  }

  quietTime(message) {
    const moment = momentOf(message);
    return el("time", { class: "quiet-time", datetime: message.timestamp, text: clockText(moment, this.context.wording.locale) });
  }

  header(message) {
    const { wording } = this.context;
    const moment = momentOf(message);
    return el(
      "div",
      { class: "message-header" },
      el("span", { class: "author", text: nameOf(message.author) }),
      message.author.bot ? el("span", { class: "app-badge", text: wording.text("app") }) : null,
      el("time", { class: "moment", datetime: message.timestamp, title: fullText(moment, wording.locale), text: clockText(moment, wording.locale) }),
    );
  }

  /** The line above: "X used /quota" for a command's answer, or what a reply answers. */
  contextLine(message) {
    const { store, wording } = this.context;
    if (message.interaction?.name) {
      return el(
        "div",
        { class: "context-line", "data-testid": "used-line" },
        avatar(message.interaction.user, "tiny"),
        el("span", { class: "author", text: nameOf(message.interaction.user) }),
        ` ${wording.text("used")} `,
        el("span", { class: "mention", text: `/${message.interaction.name}` }),
      );
    }
    const sourceId = message.reference?.message_id;
    if (sourceId === undefined || sourceId === null) return null;
    const source = store.find(sourceId);
    if (source === null) return el("div", { class: "context-line" }, el("em", { text: `↪ ${wording.text("replyGone")}` }));
    const preview = (named(source) || source.embeds?.[0]?.title || wording.text("seeAttachment")).slice(0, 120);
    return el(
      "div",
      { class: "context-line", "data-testid": "reply-line" },
      el("span", { class: "reply-arrow", "aria-hidden": "true", text: "↪ " }),
      avatar(source.author, "tiny"),
      el("span", { class: "author", text: nameOf(source.author) }),
      el("button", { type: "button", class: "reply-preview", text: preview, on: { click: () => this.jumpTo(sourceId) } }),
    );
  }

  jumpTo(id) {
    const target = document.getElementById(`message-${id}`);
    target?.scrollIntoView({ block: "center" });
    target?.classList.add("pointed-at");
    setTimeout(() => target?.classList.remove("pointed-at"), 1500);
  }

  body(message) {
    const { draw, wording, session } = this.context;
    const mentions = message.mentions ?? [];
    const facts = { draw, wording, mentions };
    const parts = [];
    if (isThinking(message)) parts.push(this.thinking(message));
    if (message.content) parts.push(this.content(message, mentions));
    for (const attachment of message.attachments ?? []) parts.push(el("div", { class: "attachment" }, icon("file"), outgoingLink(attachment.url, {}, attachment.filename)));
    for (const embed of message.embeds ?? []) parts.push(embedElement(embed, facts));
    parts.push(...this.components(message, mentions));
    if (session.hasFailed(message.id)) parts.push(el("div", { class: "failure", role: "alert", text: wording.text("failed") }));
    if (isPrivate(message)) parts.push(this.privateNote(message));
    return parts;
  }

  /** The text, with "(edited)" at the end of its last line where that is plain text, else below. */
  content(message, mentions) {
    const text = this.context.draw.text(message.content, { mentions });
    if (message.edited) {
      const last = text.lastElementChild?.classList.contains("paragraph") ? text.lastElementChild : text;
      last.append(" ", el("span", { class: "edited", text: this.context.wording.text("edited") }));
    }
    return el("div", { class: "content", "data-testid": "content" }, text);
  }

  thinking(message) {
    const dots = el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    return el("div", { class: "thinking", "data-testid": "thinking" }, dots, this.context.wording.text("thinking", { name: nameOf(message.author) }));
  }

  components(message, mentions) {
    const components = message.components ?? [];
    if (components.length === 0) return [];
    const { session, draw } = this.context;
    const use = {
      busy: session.pressUnderWay(message.id),
      press: (customId, values = null) => session.press(message.id, customId, values),
    };
    const rows = components.map((one) => layoutElement(one, use, this.context, { draw, mentions }));
    return [el("div", { class: "components" }, ...rows.filter((row) => row !== null))];
  }

  privateNote(message) {
    const { store, wording } = this.context;
    return el(
      "div",
      { class: "private-note" },
      icon("eye"),
      wording.text("onlyYou"),
      " · ",
      el("button", { type: "button", class: "linklike", text: wording.text("dismiss"), on: { click: () => store.dismiss(message.id, message.channel) } }),
    );
  }

  actions(message) {
    if (isPrivate(message) || isThinking(message)) return null;
    const label = `${this.context.wording.text("reply")} · ${nameOf(message.author)}`;
    const reply = el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: () => this.context.replyTo(message) } }, icon("reply"));
    return el("div", { class: "message-actions" }, reply);
  }
}

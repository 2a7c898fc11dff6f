/** Turns parsed markdown into elements. Every text goes in as a text node. */

import { el, outgoingLink } from "./dom.js";
import { parseInline } from "./inline.js";
import { parse } from "./markdown.js";
import { nameById } from "./people.js";
import { timeElement } from "./times.js";

const TAGS = { strong: "strong", em: "em", underline: "u", strike: "s" };
const ONLY_EMOJI = /^(?:(?:\p{Extended_Pictographic}[\u{FE0F}\u{1F3FB}-\u{1F3FF}]?(?:\u{200D}\p{Extended_Pictographic}\u{FE0F}?)*|\p{Regional_Indicator}{2}|[0-9#*]\u{FE0F}?\u{20E3})\s*){1,27}$/u;

/** Draws markdown for one viewer. `context` gives `store` and `wording`. */
export class MarkdownView {
  constructor(context) {
    this.context = context;
  }

  /** Draw a whole text, with blocks. `mentions` are the message's own. */
  text(source, { mentions = [] } = {}) {
    const node = el("div", { class: "markdown" }, ...parse(source).map((block) => this.block(block, mentions)));
    if (ONLY_EMOJI.test(source.trim())) node.classList.add("jumbo");
    return node;
  }

  /** Draw a single line, such as an embed's title. */
  line(source, { mentions = [] } = {}) {
    return el("span", { class: "markdown-line" }, ...this.inline(parseInline(source), mentions));
  }

  block(block, mentions) {
    const children = (nodes) => this.inline(nodes, mentions);
    switch (block.kind) {
      case "heading":
        return el("div", { class: `heading heading-${block.level}`, role: "heading", "aria-level": block.level + 2 }, ...children(block.children));
      case "subtext":
        return el("div", { class: "subtext" }, ...children(block.children));
      case "quote":
        return el("blockquote", {}, ...block.children.map((child) => this.block(child, mentions)));
      case "codeblock":
        return el("pre", { tabindex: 0 }, el("code", { text: block.text }));
      case "list":
        return this.list(block, mentions);
      default:
        return el("div", { class: "paragraph" }, ...children(block.children));
    }
  }

  list(block, mentions) {
    const items = block.items.map((item) => {
      const parts = item.children.map((child) => (child.kind === "list" ? this.list(child, mentions) : this.leaf(child, mentions)));
      return el("li", {}, ...parts);
    });
    return block.ordered ? el("ol", { start: block.start }, ...items) : el("ul", {}, ...items);
  }

  inline(nodes, mentions) {
    return nodes.map((node) => this.leaf(node, mentions));
  }

  leaf(node, mentions) {
    if (node.kind === "text") return document.createTextNode(node.text);
    if (node.kind in TAGS) return el(TAGS[node.kind], {}, ...this.inline(node.children, mentions));
    const { store, wording } = this.context;
    switch (node.kind) {
      case "code":
        return el("code", { text: node.text });
      case "link":
        return outgoingLink(node.address, { title: node.title }, ...this.inline(node.children, mentions));
      case "spoiler":
        return this.spoiler(this.inline(node.children, mentions));
      case "time":
        return timeElement(node.seconds, node.style, wording.locale);
      case "user":
        return el("span", { class: "mention", text: `@${nameById(store, node.id, mentions) ?? node.id}` });
      case "role":
        return el("span", { class: "mention", text: "@role" });
      case "channel":
        return this.channel(node.id);
      case "command":
        return el("button", { type: "button", class: "mention", text: `/${node.name}`, on: { click: () => this.context.startCommand(node.name) } });
      default:
        return el("span", { class: "emoji-name", text: node.name });
    }
  }

  channel(id) {
    const { store } = this.context;
    const channel = store.world.channels.find((one) => one.id === id);
    if (channel === undefined) return el("span", { class: "mention", text: "#?" });
    return el("button", { type: "button", class: "mention", text: `#${channel.name}`, on: { click: () => store.setChannel(id) } });
  }

  spoiler(children) {
    const inner = el("span", { class: "spoiler-text" }, ...children);
    const node = el("span", {
      class: "spoiler",
      role: "button",
      tabindex: 0,
      "aria-expanded": "false",
      "aria-label": this.context.wording.text("spoiler"),
    }, inner);
    const reveal = (event) => {
      if (node.classList.contains("revealed")) return;
      event.preventDefault();
      node.classList.add("revealed");
      for (const name of ["role", "tabindex", "aria-label", "aria-expanded"]) node.removeAttribute(name);
    };
    node.addEventListener("click", reveal);
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") reveal(event);
    });
    return node;
  }
}

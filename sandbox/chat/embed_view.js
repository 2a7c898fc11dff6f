/** Draws embeds as Discord does: a card with a coloured edge. */

import { cssColour, el, outgoingLink, pictureAddress } from "./dom.js";
import { fullText } from "./times.js";

/** Draw one embed. `draw` is the `MarkdownView`, `mentions` those of its message. */
export function embedElement(embed, { draw, wording, mentions }) {
  const card = el("article", { class: "embed", "data-testid": "embed" });
  const colour = cssColour(embed.color);
  if (colour !== null) card.style.borderInlineStartColor = colour;
  const thumbnail = picture(embed.thumbnail, "embed-thumbnail", wording);
  const main = el("div", { class: "embed-main" }, author(embed.author), title(embed, draw), description(embed, draw, mentions), fields(embed, draw, mentions));
  card.append(el("div", { class: thumbnail === null ? "embed-top" : "embed-top with-thumbnail" }, main, thumbnail));
  const image = picture(embed.image, "embed-image", wording);
  if (image !== null) card.append(image);
  const foot = footer(embed, wording);
  if (foot !== null) card.append(foot);
  return card;
}

function author(facts) {
  if (!facts?.name) return null;
  const iconAddress = pictureAddress(facts.icon_url);
  return el(
    "div",
    { class: "embed-author" },
    iconAddress === null ? null : el("img", { src: iconAddress, alt: "", width: 24, height: 24 }),
    outgoingLink(facts.url, {}, facts.name),
  );
}

function title(embed, draw) {
  if (!embed.title) return null;
  return el("div", { class: "embed-title" }, outgoingLink(embed.url, {}, draw.line(embed.title)));
}

function description(embed, draw, mentions) {
  return embed.description ? el("div", { class: "embed-description" }, draw.text(embed.description, { mentions })) : null;
}

/** Inline fields stand side by side, three to a row, two when a run of them has only two; the others take a row. */
function fields(embed, draw, mentions) {
  const all = embed.fields ?? [];
  if (all.length === 0) return null;
  const cells = [];
  for (let at = 0; at < all.length; ) {
    let end = at;
    while (end < all.length && all[end].inline && end - at < 3) end += 1;
    const run = end === at ? [all[at]] : all.slice(at, end);
    const span = 12 / run.length;
    for (const field of run) cells.push(fieldElement(field, span, draw, mentions));
    at += run.length;
  }
  return el("div", { class: "embed-fields" }, ...cells);
}

function fieldElement(field, span, draw, mentions) {
  return el(
    "div",
    { class: `embed-field span-${span}` },
    el("div", { class: "embed-field-name" }, draw.line(field.name, { mentions })),
    el("div", { class: "embed-field-value" }, draw.text(field.value, { mentions })),
  );
}

function footer(embed, wording) {
  const moment = embed.timestamp ? Date.parse(embed.timestamp) : Number.NaN;
  const parts = [embed.footer?.text, Number.isNaN(moment) ? null : fullText(moment, wording.locale)].filter(Boolean);
  if (parts.length === 0) return null;
  const iconAddress = pictureAddress(embed.footer?.icon_url);
  return el(
    "div",
    { class: "embed-footer" },
    iconAddress === null ? null : el("img", { src: iconAddress, alt: "", width: 20, height: 20 }),
    parts.join(" • "),
  );
}

/** Draw a picture of ours, or say that one of another host is not loaded; null when there is none. */
export function picture(facts, className, wording) {
  if (!facts?.url) return null;
  const address = pictureAddress(facts.url);
  if (address !== null) {
    return el("img", { class: className, src: address, alt: facts.description ?? wording.text("picture"), width: facts.width || null, height: facts.height || null, loading: "lazy" });
  }
  return outgoingLink(facts.url, { class: `${className} not-loaded`, title: wording.text("notLoaded") }, `🖼 ${wording.text("picture")}`);
}

/** Draws action rows: buttons and menus. What they do is handed in, so that forms and messages share them. */

import { el, icon, outgoingLink } from "./dom.js";
import { everyone, nameOf } from "./people.js";

// https://docs.discord.com/developers/components/reference#button-button-styles
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };

/** Kinds of menus. https://docs.discord.com/developers/components/reference#component-object-component-types */
export const MENUS = new Set([3, 5, 6, 7, 8]);

/** Draw one row. `use` is `{busy, press(customId, values?)}`: the custom_id under way, and what a press does. */
export function rowElement(row, use, context) {
  return el("div", { class: "component-row" }, ...row.components.map((one) => partElement(one, use, context)));
}

/** Draw a button or a menu. */
export function partElement(component, use, context) {
  if (component.type === 2) return buttonElement(component, use, context);
  if (MENUS.has(component.type)) return menuElement(component, use, context);
  return null;
}

function buttonElement(component, use, context) {
  const style = STYLES[component.style] ?? "secondary";
  const busy = use.busy !== null && use.busy === component.custom_id;
  const content = [
    component.emoji ? el("span", { class: "button-emoji", text: emojiText(component.emoji) }) : null,
    el("span", { class: "button-label", text: component.label ?? (style === "premium" ? context.wording.text("premium") : "") }),
    style === "link" ? icon("external") : null,
  ];
  const facts = { class: `button ${style}${busy ? " busy" : ""}`, "data-testid": "component-button" };
  if (style === "link" && !component.disabled) return outgoingLink(component.url, facts, ...content);
  const button = el(
    "button",
    { ...facts, type: "button", disabled: Boolean(component.disabled), "aria-busy": busy ? "true" : null, data: component.custom_id ? { customId: component.custom_id } : {} },
    ...content,
    busy ? el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")) : null,
  );
  if (!component.emoji && !component.label) button.setAttribute("aria-label", style);
  if (component.custom_id) button.addEventListener("click", () => use.press(component.custom_id));
  return button;
}

/** Return the text of an emoji: itself, or the name of a custom one. */
export function emojiText(emoji) {
  return emoji.id ? `:${emoji.name ?? "emoji"}:` : (emoji.name ?? "");
}

/** Return a menu's choices as `{value, label, description, emoji, chosen}`. */
function choicesOf(component, { store }) {
  if (component.type === 3) {
    return (component.options ?? []).map((option) => ({ ...option, chosen: Boolean(option.default) }));
  }
  const chosen = new Set((component.default_values ?? []).map((one) => one.id));
  const things = component.type === 8 ? store.world.channels.map((one) => ({ id: one.id, label: `#${one.name}` })) : everyone(store).map((one) => ({ id: one.id, label: nameOf(one) }));
  return things.map(({ id, label }) => ({ value: id, label, chosen: chosen.has(id) }));
}

const labelOf = (choice) => `${choice.emoji ? `${emojiText(choice.emoji)} ` : ""}${choice.label}${choice.description ? ` — ${choice.description}` : ""}`;

function menuElement(component, use, context) {
  const most = component.max_values ?? 1;
  return most > 1 ? severalElement(component, use, context) : singleElement(component, use, context);
}

/** A menu for one choice: the browser's own, which phones and keyboards know. */
function singleElement(component, use, context) {
  const prompt = component.placeholder ?? context.wording.text("choose");
  const choices = choicesOf(component, context);
  const busy = use.busy !== null && use.busy === component.custom_id;
  const node = el(
    "select",
    { class: `menu${busy ? " busy" : ""}`, "aria-label": prompt, disabled: Boolean(component.disabled) || busy, "data-testid": "component-select", data: { customId: component.custom_id } },
    el("option", { value: "", text: prompt, disabled: true, selected: !choices.some((one) => one.chosen) }),
    ...choices.map((one) => el("option", { value: one.value, text: labelOf(one), selected: one.chosen })),
  );
  node.addEventListener("change", () => use.press(component.custom_id, [node.value]));
  return node;
}

/** A menu for several choices: boxes to tick, then one button, since each press is one interaction. */
function severalElement(component, use, context) {
  const prompt = component.placeholder ?? context.wording.text("choose");
  const boxes = choicesOf(component, context).map((one) => {
    const box = el("input", { type: "checkbox", value: one.value, checked: one.chosen, disabled: Boolean(component.disabled) });
    return { box, line: el("label", { class: "menu-choice" }, box, labelOf(one)) };
  });
  const confirm = el("button", { type: "button", class: "button primary", text: context.wording.text("confirm"), data: { customId: component.custom_id } });
  const check = () => {
    const count = boxes.filter(({ box }) => box.checked).length;
    confirm.disabled = Boolean(component.disabled) || count < (component.min_values ?? 1) || count > component.max_values;
  };
  for (const { box } of boxes) box.addEventListener("change", check);
  check();
  confirm.addEventListener("click", () => use.press(component.custom_id, boxes.filter(({ box }) => box.checked).map(({ box }) => box.value)));
  return el("details", { class: "menu-several", "data-testid": "component-select" }, el("summary", { text: prompt }), ...boxes.map(({ line }) => line), confirm);
}

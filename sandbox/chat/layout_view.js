/** Draws Components V2: containers, sections, texts, separators, pictures, and the rows inside them. */

import { partElement, rowElement } from "./component_view.js";
import { cssColour, el, outgoingLink } from "./dom.js";
import { picture } from "./embed_view.js";

/** Draw one top-level component. `draw` is the `MarkdownView`, `use` as for `rowElement`. */
export function layoutElement(component, use, context, { draw, mentions }) {
  const again = (child) => layoutElement(child, use, context, { draw, mentions });
  switch (component.type) {
    case 1:
      return rowElement(component, use, context);
    case 9:
      return el("div", { class: "layout-section" }, el("div", { class: "layout-texts" }, ...(component.components ?? []).map(again)), component.accessory ? again(component.accessory) : null);
    case 10:
      return draw.text(component.content ?? "", { mentions });
    case 11:
      return picture({ ...component.media, description: component.description }, "embed-thumbnail", context.wording);
    case 12:
      return el("div", { class: "layout-gallery" }, ...(component.items ?? []).map((item) => picture({ ...item.media, description: item.description }, "embed-image", context.wording)));
    case 13:
      return el("div", { class: "attachment" }, outgoingLink(component.file?.url, {}, component.name ?? component.file?.url ?? ""));
    case 14:
      return el("hr", { class: `layout-separator spacing-${component.spacing ?? 1}${component.divider === false ? " invisible" : ""}` });
    case 17: {
      const box = el("div", { class: "layout-container" }, ...(component.components ?? []).map(again));
      const colour = cssColour(component.accent_color);
      if (colour !== null) {
        box.style.borderInlineStartColor = colour;
        box.classList.add("accented");
      }
      return box;
    }
    default:
      return partElement(component, use, context);
  }
}

/** Making elements: text is only ever set as text, and a link only ever leads to http(s). */

/**
 * Make an element.
 *
 * `attributes`: `class`, `text`, `data` (an object for dataset), `on` (an object of listeners); any other name is set as
 * an attribute, `true` as an empty one; null, undefined and false are left out. Children may be nodes, strings, or absent.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Make a decorative icon, drawn in the text's colour from `/chat/icon-<name>.svg`. */
export function icon(name) {
  return el("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
}

/** Return the address when it is an absolute http(s) one, else null: `javascript:` and its like never become a link. */
export function webAddress(text) {
  if (typeof text !== "string" || !/^https?:\/\//i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Return the address when this page's policy lets it be shown as a picture (our own host, or data), else null. */
export function pictureAddress(text) {
  if (typeof text !== "string") return null;
  if (/^data:image\/(png|jpeg|gif|webp);base64,/i.test(text)) return text;
  const address = webAddress(text);
  return address !== null && new URL(address).origin === location.origin ? address : null;
}

/** Make a link that opens in a new tab, or a plain span when the address is not a web address. */
export function outgoingLink(address, attributes, ...children) {
  const href = webAddress(address);
  if (href === null) return el("span", attributes, ...children);
  return el("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** Return `#rrggbb` for one of Discord's 24-bit colours, or null when there is none. */
export function cssColour(number) {
  if (!Number.isInteger(number) || number < 0 || number > 0xffffff) return null;
  return `#${number.toString(16).padStart(6, "0")}`;
}

/** People and the bot: their names, pictures and mentions. */

import { el } from "./dom.js";

// Each carries white initials with a contrast of at least 4.5.
const COLOURS = ["#4752c4", "#20744a", "#b3261e", "#8c4a00", "#8a3ab9", "#0b6e8f", "#a1286a", "#50606e"];

/** Return the name to show for one of Discord's user objects, or for a person of the world. */
export function nameOf(user) {
  return user?.global_name || user?.name || user?.username || "?";
}

/** Return up to two initials, whole characters even outside the basic plane. */
export function initialsOf(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return letters.join("").toUpperCase() || "?";
}

/** Draw a person's picture: the bot's own, or coloured initials. Decorative: the name stands beside it. */
export function avatar(user, size = "") {
  const classes = `avatar ${size}`.trim();
  if (user?.bot) return el("img", { class: classes, src: "/chat/jauge.svg", alt: "", width: 40, height: 40 });
  const node = el("span", { class: classes, "aria-hidden": "true", text: initialsOf(nameOf(user)) });
  const number = [...String(user?.id ?? "")].reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0)) % 9973, 7);
  node.style.backgroundColor = COLOURS[number % COLOURS.length];
  return node;
}

/** Return everyone who can be mentioned: the people, and the bot once known. */
export function everyone(store) {
  const bot = store.world.bot;
  return [...store.world.users, ...(bot === null ? [] : [{ ...bot, bot: true, role: "app" }])];
}

/** Return the name of whoever has this id; a message's own `mentions` know people the world does not list. */
export function nameById(store, id, mentions = []) {
  const user = everyone(store).find((one) => one.id === id) ?? mentions.find((one) => one.id === id);
  return user === undefined ? null : nameOf(user);
}

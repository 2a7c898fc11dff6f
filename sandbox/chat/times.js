/** Discord's timestamps, in the viewer's language and time zone; relative ones keep themselves up to date. */

import { el } from "./dom.js";

// https://docs.discord.com/developers/reference#message-formatting-timestamp-styles
const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** Return the text of a `<t:seconds:style>` as seen at `nowMs`; an impossible date stays as written. */
export function timeText(seconds, style, locale, nowMs) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `<t:${seconds}:${style}>`;
  if (style !== "R") return new Intl.DateTimeFormat(locale, STYLES[style] ?? STYLES.f).format(date);
  const distance = seconds - nowMs / 1000;
  const size = Math.round(Math.abs(distance));
  const [unit, length] = UNITS.find(([, one]) => size >= one) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(locale).format(Math.sign(distance) * Math.round(size / length), unit);
}

/** Make the element of a timestamp. */
export function timeElement(seconds, style, locale) {
  const date = new Date(seconds * 1000);
  const valid = !Number.isNaN(date.getTime());
  return el("time", {
    class: "timestamp",
    datetime: valid ? date.toISOString() : null,
    title: valid ? timeText(seconds, "F", locale, Date.now()) : null,
    text: timeText(seconds, style, locale, Date.now()),
    data: style === "R" ? { relative: String(seconds), locale } : {},
  });
}

/** Bring every relative timestamp of the page up to date. */
export function refreshTimes(root, nowMs) {
  for (const node of root.querySelectorAll("time[data-relative]")) {
    const text = timeText(Number(node.dataset.relative), "R", node.dataset.locale, nowMs);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** Return the clock time of a message made at `ms`. */
export const clockText = (ms, locale) => new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(ms);

/** Return the full moment, for tooltips. */
export const fullText = (ms, locale) => new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" }).format(ms);

/** Return the day, for the line between two days. */
export const dayText = (ms, locale) => new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(ms);

/** Discord's markdown blocks (code, quotes, lists, headings, subtext), as a tree of plain objects. */

import { parseInline } from "./inline.js";

const FENCE = /```(?:([a-z0-9_+\-.#]+)\n)?\n*([^]*?)\n*```/i;
const HEADING = /^(#{1,3}) +(.+)$/;
const SUBTEXT = /^-# +(.+)$/;
const QUOTE = /^> ?(.*)$/;
const ITEM = /^( *)([-*]|\d{1,9}\.) +(.+)$/;

/** Read a whole text. `inQuote` forbids quotes inside quotes, as Discord does. */
export function parse(source, inQuote = false) {
  const blocks = [];
  let rest = source;
  // `>>>` quotes everything that follows, fences too.
  const rests = inQuote ? null : /(^|\n)>>> ?([^]*)$/.exec(rest);
  if (rests !== null && !insideFence(rest, rests.index)) {
    blocks.push(...parse(rest.slice(0, rests.index)));
    blocks.push({ kind: "quote", children: parse(rests[2], true) });
    return blocks;
  }
  for (let fence = FENCE.exec(rest); fence !== null; fence = FENCE.exec(rest)) {
    if (fence[2].trim() === "") break;
    blocks.push(...parseLines(rest.slice(0, fence.index).replace(/\n$/, ""), inQuote));
    blocks.push({ kind: "codeblock", language: fence[1] ?? null, text: fence[2] });
    rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, "");
  }
  blocks.push(...parseLines(rest, inQuote));
  return blocks;
}

const insideFence = (source, index) => (source.slice(0, index).split("```").length - 1) % 2 === 1;

function parseLines(source, inQuote) {
  if (source === "") return [];
  const lines = source.split("\n");
  const blocks = [];
  let plain = [];
  const flush = () => {
    if (plain.length > 0) blocks.push({ kind: "paragraph", children: parseInline(plain.join("\n")) });
    plain = [];
  };
  let at = 0;
  while (at < lines.length) {
    const taken = blockAt(lines, at, inQuote);
    if (taken === null) {
      plain.push(lines[at]);
      at += 1;
      continue;
    }
    flush();
    blocks.push(taken.block);
    at = taken.next;
  }
  flush();
  return blocks;
}

function blockAt(lines, at, inQuote) {
  const line = lines[at];
  const heading = HEADING.exec(line);
  if (heading) return { block: { kind: "heading", level: heading[1].length, children: parseInline(heading[2]) }, next: at + 1 };
  const subtext = SUBTEXT.exec(line);
  if (subtext) return { block: { kind: "subtext", children: parseInline(subtext[1]) }, next: at + 1 };
  if (!inQuote && /^>( |$)/.test(line)) return quoteAt(lines, at);
  if (ITEM.test(line)) return listAt(lines, at);
  return null;
}

function quoteAt(lines, at) {
  const quoted = [];
  let next = at;
  for (; next < lines.length && /^>( |$)/.test(lines[next]); next += 1) quoted.push(QUOTE.exec(lines[next])[1]);
  return { block: { kind: "quote", children: parse(quoted.join("\n"), true) }, next };
}

/** Read consecutive items into lists nested by their indentation. */
function listAt(lines, at) {
  const levels = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const found = ITEM.exec(lines[next]);
    if (found === null) break;
    const [, indent, mark, text] = found;
    while (levels.length > 1 && indent.length < levels.at(-1).indent) levels.pop();
    let level = levels.at(-1);
    const ordered = /\d/.test(mark);
    if (level === undefined || (indent.length > level.indent && levels.length < 10)) {
      level = { indent: indent.length, list: newList(ordered, mark) };
      levels.at(-1)?.list.items.at(-1).children.push(level.list);
      levels.push(level);
    } else if (level.list.ordered !== ordered && levels.length === 1) break;
    level.list.items.push({ kind: "item", children: parseInline(text) });
  }
  return { block: levels[0].list, next };
}

const newList = (ordered, mark) => ({ kind: "list", ordered, start: ordered ? Number.parseInt(mark, 10) : 1, items: [] });

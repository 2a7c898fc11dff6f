/** Discord's markdown inside a line, as a tree of plain objects; no element is made here. */

const DEEPEST = 24;

const node = (kind, facts = {}) => ({ kind, ...facts });

// In the order tried. `wraps` reads the first group again; `make` builds a leaf. Each starts at a character of SPECIAL.
const RULES = [
  { pattern: /^\\([^0-9A-Za-z\s])/, make: ([, text]) => node("text", { text }) },
  { pattern: /^(`+)([^]*?[^`])\1(?!`)/, make: ([, , text]) => node("code", { text: text.replace(/^ (.*`.*) $/, "$1") }) },
  { pattern: /^<t:(-?\d{1,13})(?::([tTdDfFsSR]))?>/, make: ([, seconds, style]) => node("time", { seconds: Number(seconds), style: style ?? "f" }) },
  { pattern: /^<@!?(\d{1,20})>/, make: ([, id]) => node("user", { id }) },
  { pattern: /^<@&(\d{1,20})>/, make: ([, id]) => node("role", { id }) },
  { pattern: /^<#(\d{1,20})>/, make: ([, id]) => node("channel", { id }) },
  { pattern: /^<\/([^:<>\n]{1,100}):\d{1,20}>/, make: ([, name]) => node("command", { name }) },
  { pattern: /^<a?(:\w{2,32}:)\d{1,20}>/, make: ([, name]) => node("emoji", { name }) },
  { pattern: /^<(https?:\/\/[^\s<>]+)>/i, make: ([, address]) => node("link", { address, children: [node("text", { text: address })] }) },
  { pattern: /^\[((?:\[[^\[\]]*\]|[^\[\]])+)\]\(\s*<?(https?:\/\/(?:\([^\s()<>]*\)|[^\s()<>])+)>?(?:\s+["']([^"']*)["'])?\s*\)/i, wraps: "link", facts: ([, , address, title]) => ({ address, title }) },
  { pattern: /^https?:\/\/[^\s<]+/i, bare: true, make: ([address]) => node("link", { address, children: [node("text", { text: address })] }) },
  { pattern: /^\*\*((?:\\[^]|[^\\])+?)\*\*(?!\*)/, wraps: "strong" },
  { pattern: /^__((?:\\[^]|[^\\])+?)__(?!_)/, wraps: "underline" },
  { pattern: /^\*(?=\S)((?:\*\*[^]*?\*\*|\\[^]|[^\\*])+?)\*(?!\*)/, wraps: "em" },
  { pattern: /^_((?:__[^]*?__|\\[^]|[^\\_])+?)_(?![\w])/, wraps: "em", atWordStart: true },
  { pattern: /^~~((?:\\[^]|[^\\])+?)~~(?!~)/, wraps: "strike" },
  { pattern: /^\|\|((?:\\[^]|[^\\])+?)\|\|/, wraps: "spoiler" },
];
const SPECIAL = /[\\`<[*_~|hH]/;

/** Cut a bare address at the punctuation that ends a sentence, and at a bracket it did not open. */
function trimAddress(address) {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1];
    const text = address.slice(0, end);
    if (/[.,:;"'\]!?*_~|]/.test(last)) end -= 1;
    else if (last === ")" && text.split(")").length > text.split("(").length) end -= 1;
    else break;
  }
  return address.slice(0, end);
}

function matchRule(rest, before, depth) {
  for (const rule of RULES) {
    if (rule.wraps !== undefined && depth >= DEEPEST) continue;
    if ((rule.atWordStart || rule.bare) && /\w$/.test(before)) continue;
    const found = rule.pattern.exec(rest);
    if (found === null) continue;
    if (rule.bare) {
      const address = trimAddress(found[0]);
      return { made: rule.make([address]), length: address.length };
    }
    if (rule.wraps === undefined) return { made: rule.make(found), length: found[0].length };
    const children = parseInline(found[1], depth + 1);
    return { made: node(rule.wraps, { ...(rule.facts?.(found) ?? {}), children }), length: found[0].length };
  }
  return null;
}

/** Read the markdown of one paragraph; returns nodes with `kind` and either `text` or `children`. */
export function parseInline(source, depth = 0) {
  const nodes = [];
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain !== "") nodes.push(node("text", { text: plain }));
    plain = "";
  };
  while (at < source.length) {
    const found = SPECIAL.test(source[at]) ? matchRule(source.slice(at), source.slice(Math.max(0, at - 1), at), depth) : null;
    if (found === null) {
      plain += source[at];
      at += 1;
      continue;
    }
    flush();
    nodes.push(found.made);
    at += found.length;
  }
  flush();
  return nodes;
}

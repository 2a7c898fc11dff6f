// Returns the texts that do not stand out from their ground by 4.5 (WCAG 2, level AA).
() => {
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = (top, below) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)); };
  const light = (c) => c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = (c) => { const [r, g, b] = light(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (node.closest(":disabled, option, .visually-hidden, .skip, noscript, script")) continue;
    const layers = [];
    for (let one = node; one; one = one.parentElement) layers.unshift(numbers(getComputedStyle(one).backgroundColor));
    const ground = layers.reduce((below, top) => over(top, below), [255, 255, 255]);
    const ink = over(numbers(getComputedStyle(node).color), ground);
    const [high, low] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${node.className} ${text.data.trim().slice(0, 30)}`);
  }
  return faint;
}

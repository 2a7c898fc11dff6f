/** The page's own words, in English and French, chosen by the language of the person who looks. */

import { ENGLISH } from "./words_en.js";
import { FRENCH } from "./words_fr.js";

/** The words in one language; `locale` is one of Discord's codes, such as "fr" or "en-US". */
export class Wording {
  constructor(locale = "en-US") {
    this.speak(locale);
  }

  /** Change to the language of `locale`; what is not French is English. */
  speak(locale) {
    this.locale = locale;
    this.language = locale.startsWith("fr") ? "fr" : "en";
    this.words = this.language === "fr" ? FRENCH : ENGLISH;
  }

  /** Return the text called `name` with its `{facts}` filled in. */
  text(name, facts = {}) {
    const words = this.words[name] ?? ENGLISH[name] ?? name;
    return words.replace(/\{(\w+)\}/g, (whole, fact) => (fact in facts ? String(facts[fact]) : whole));
  }

  /** Fill the texts and labels that the HTML marks with `data-text`, `data-label` and `data-placeholder`. */
  applyTo(root) {
    document.documentElement.lang = this.language;
    for (const node of root.querySelectorAll("[data-text]")) node.textContent = this.text(node.dataset.text);
    for (const node of root.querySelectorAll("[data-label]")) {
      node.setAttribute("aria-label", this.text(node.dataset.label));
      if (node.dataset.title !== undefined) node.title = this.text(node.dataset.label);
    }
    for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = this.text(node.dataset.placeholder);
  }
}

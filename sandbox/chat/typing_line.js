/** The line under the messages that says who types, and that the connection is lost. */

import { el } from "./dom.js";
import { nameById } from "./people.js";

/** Keeps the line up to date; `tick` is to be called every second, since typing ends by itself. */
export class TypingLine {
  constructor(context, node) {
    this.context = context;
    this.node = node;
    this.connected = true;
    const { store, session } = context;
    for (const event of ["typing", "channel", "viewer"]) store.addEventListener(event, () => this.tick());
    session.addEventListener("connection", (event) => {
      this.connected = event.detail;
      this.tick();
    });
  }

  /** Draw what is true now. */
  tick() {
    const { store, wording } = this.context;
    const typists = store.typistsOf(store.channel, Date.now()).map((id) => nameById(store, id) ?? "?");
    let words = "";
    if (!this.connected) words = wording.text("offline");
    else if (typists.length > 0) {
      const names = new Intl.ListFormat(wording.locale).format(typists);
      words = wording.text(typists.length === 1 ? "typingOne" : "typingSeveral", { names });
    }
    if (this.words === words) return;
    this.words = words;
    const dots = words !== "" && this.connected ? el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")) : "";
    this.node.replaceChildren(dots, words);
    this.node.classList.toggle("offline", !this.connected);
  }
}

/** Who looks: the switch between the four people, their language, and whether they take direct messages. */

import { el } from "./dom.js";
import { avatar, nameOf } from "./people.js";
import { roleText } from "./slash_option.js";

// The bot speaks English and French; the other two show what people of other languages get.
const LANGUAGES = [
  ["en-US", "English (US)"],
  ["en-GB", "English (UK)"],
  ["fr", "Français"],
  ["de", "Deutsch"],
  ["es-ES", "Español"],
];

/** Owns the panel. `parts`: `picture`, `viewer`, `language`, `dms`. */
export class ViewerPanel {
  constructor(context, parts) {
    this.context = context;
    this.parts = parts;
    const { store, session } = context;
    parts.viewer.addEventListener("change", () => session.lookAs(parts.viewer.value));
    parts.language.addEventListener("change", () => session.changeViewer({ locale: parts.language.value }));
    parts.dms.addEventListener("change", () => session.changeViewer({ dms_open: parts.dms.checked }));
    for (const event of ["world", "viewer"]) store.addEventListener(event, () => this.draw());
  }

  /** Bring the panel up to date. */
  draw() {
    const { store, wording } = this.context;
    const { viewer } = store;
    if (viewer === null) return;
    this.parts.picture.replaceChildren(avatar(viewer, "small"));
    const label = (user) => `${nameOf(user)} · ${roleText(wording, user.role)}`;
    fill(this.parts.viewer, store.world.users.map((user) => [user.id, label(user)]), viewer.id);
    const known = LANGUAGES.some(([code]) => code === viewer.locale);
    fill(this.parts.language, known ? LANGUAGES : [...LANGUAGES, [viewer.locale, viewer.locale]], viewer.locale);
    this.parts.dms.checked = viewer.dms_open ?? true;
  }
}

/** Fill a select, unless it already says the same (an open list would close). */
function fill(select, choices, chosen) {
  const wanted = JSON.stringify(choices);
  if (select.dataset.filled !== wanted) {
    select.replaceChildren(...choices.map(([value, text]) => el("option", { value, text })));
    select.dataset.filled = wanted;
  }
  select.value = chosen;
}

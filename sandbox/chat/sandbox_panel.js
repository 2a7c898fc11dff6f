/** The panel of what lies behind the chat: Stripe's deliveries, and troubles to switch on. */

import * as api from "./api.js";
import { el } from "./dom.js";

const POLL_MS = 2000;

// Each name has its words under `fault_<name>`.
const FAULTS = Object.freeze({
  discord_503: { where: "discord", fault: "status", times: 3, status: 503 },
  discord_429: { where: "discord", fault: "status", times: 1, status: 429, retry_after: 2 },
  discord_lost: { where: "discord", fault: "lost", times: 1 },
  gateway_cut: { where: "gateway", fault: "cut", times: 1 },
  gateway_session: { where: "gateway", fault: "invalid_session", times: 1 },
  stripe_500: { where: "stripe", fault: "status", times: 1, status: 500 },
  stripe_lost: { where: "stripe", fault: "lost", times: 1 },
  webhooks_duplicate: { where: "webhooks", fault: "duplicate", times: 1 },
  webhooks_delay: { where: "webhooks", fault: "delay", times: 1, seconds: 5 },
  webhooks_drop: { where: "webhooks", fault: "drop", times: 1 },
});

/** Owns the panel. `parts`: `panel`, `opener`, `closer`, `deliveries`, `buttons`, `inForce`. */
export class SandboxPanel {
  constructor(context, parts) {
    this.context = context;
    this.parts = parts;
    this.timer = null;
    parts.opener.addEventListener("click", () => this.show(parts.panel.hidden));
    parts.closer.addEventListener("click", () => {
      this.show(false);
      parts.opener.focus();
    });
    parts.panel.addEventListener("keydown", (event) => event.key === "Escape" && parts.closer.click());
  }

  /** Open or close it; deliveries are only asked for while it is open. */
  show(open) {
    const { panel, opener } = this.parts;
    panel.hidden = !open;
    document.body.classList.toggle("panel-open", open);
    opener.setAttribute("aria-expanded", String(open));
    clearTimeout(this.timer);
    if (!open) return;
    this.draw();
    this.poll();
  }

  /** Draw the words and buttons in the viewer's language. */
  draw() {
    const { wording } = this.context;
    const buttons = Object.entries(FAULTS).map(([name, fault]) =>
      el("button", { type: "button", class: "button secondary", "data-testid": `fault-${name}`, text: wording.text(`fault_${name}`), on: { click: () => this.add(fault) } }),
    );
    this.parts.buttons.replaceChildren(...buttons);
    this.clear = el("button", { type: "button", class: "button danger", "data-testid": "clear-faults", text: wording.text("faultsClear"), on: { click: () => this.endAll() } });
    this.shown = null;
    this.faultsShown = null;
  }

  async add(fault) {
    await this.context.session.attempt(async () => this.drawFaults(await api.addFault(fault)));
  }

  async endAll() {
    await this.context.session.attempt(async () => this.drawFaults(await api.clearFaults()));
    // The button is gone with the faults; without this the keyboard would be nowhere.
    this.parts.closer.focus();
  }

  async poll() {
    try {
      const [deliveries, faults] = await Promise.all([api.deliveries(), api.faults()]);
      this.drawDeliveries(deliveries);
      this.drawFaults(faults);
    } catch (error) {
      if (!(error instanceof api.Refused) && !(error instanceof TypeError)) throw error;
    }
    clearTimeout(this.timer);
    if (!this.parts.panel.hidden) this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  drawDeliveries(deliveries) {
    const { wording } = this.context;
    const wanted = JSON.stringify([wording.language, deliveries]);
    if (this.shown === wanted) return;
    this.shown = wanted;
    const rows = deliveries.toReversed().map((one) => {
      const good = Number(one.status) >= 200 && Number(one.status) < 300;
      return el(
        "li",
        { class: "delivery", "data-testid": "delivery", title: one.event },
        el("span", { class: `status ${good ? "good" : "bad"}`, text: String(one.status) }),
        el("span", { class: "delivery-type", text: one.type }),
        el("span", { class: "delivery-attempt", text: wording.text("deliveryAttempt", { attempt: one.attempt }) }),
      );
    });
    this.parts.deliveries.replaceChildren(...(rows.length > 0 ? rows : [el("li", { class: "nothing", text: wording.text("deliveriesNone") })]));
  }

  drawFaults(faults) {
    const { wording } = this.context;
    const rows = faults.map((one) => {
      const facts = [one.where, one.fault, one.status ?? one.code].filter((fact) => fact !== undefined).join(" · ");
      return el("li", { class: "fault" }, el("span", { text: facts }), el("span", { class: "delivery-attempt", text: wording.text("faultTimes", { times: one.times }) }));
    });
    const wanted = JSON.stringify([wording.language, faults]);
    if (this.faultsShown === wanted) return;
    this.faultsShown = wanted;
    const nothing = el("li", { class: "nothing", text: wording.text("faultsNone") });
    this.parts.inForce.replaceChildren(...(rows.length > 0 ? [...rows, el("li", {}, this.clear)] : [nothing]));
  }
}

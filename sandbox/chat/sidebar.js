/** Server, channels and direct messages, with what is unread; a drawer on a phone. */

import { el, icon } from "./dom.js";
import { avatar, initialsOf, nameOf } from "./people.js";

/** Owns the navigation. `parts`: `rail`, `guildName`, `channels`, `directs`, `title`, `navigation`, `opener`, `veil`. */
export class Sidebar {
  constructor(context, parts) {
    this.context = context;
    this.parts = parts;
    const { store } = context;
    for (const event of ["world", "viewer", "channel", "unread"]) store.addEventListener(event, () => this.draw());
    store.addEventListener("channel", () => this.showDrawer(false));
    parts.opener.addEventListener("click", () => this.showDrawer(parts.opener.getAttribute("aria-expanded") !== "true"));
    parts.veil.addEventListener("click", () => this.showDrawer(false));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.showDrawer(false));
  }

  showDrawer(open) {
    const { navigation, opener, veil } = this.parts;
    navigation.classList.toggle("open", open);
    veil.classList.toggle("open", open);
    opener.setAttribute("aria-expanded", String(open));
  }

  draw() {
    const { store, wording } = this.context;
    const { world } = store;
    const focused = document.activeElement?.dataset.room;
    this.parts.guildName.textContent = world.guild.name;
    this.parts.channels.replaceChildren(...world.channels.map((channel) => this.link(channel.id, channel.name, icon("hash"), `channel-${channel.name}`)));
    const bot = world.bot ?? { id: "0", name: "Jauge" };
    this.parts.directs.replaceChildren(this.link("dm", nameOf(bot), avatar({ ...bot, bot: true }, "small"), "dm"));
    this.drawRail(bot);
    this.drawTitle(bot);
    if (focused !== undefined) this.parts.navigation.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
    const total = store.keys.reduce((sum, key) => sum + store.unreadOf(key).forYou, 0);
    document.title = `${total > 0 ? `(${total}) ` : ""}${this.titleText(bot)} · ${wording.text("panelTitle")}`;
  }

  link(key, name, picture, testId) {
    const { store, wording } = this.context;
    const { count, forYou } = store.unreadOf(key);
    const unread = count > 0 && key !== store.channel;
    const note = forYou > 0 ? wording.text("mentions", { count: forYou }) : wording.text("unread");
    const button = el(
      "button",
      {
        type: "button",
        class: `room${unread ? " unread" : ""}`,
        "aria-current": key === store.channel ? "page" : null,
        "data-testid": testId,
        data: { room: key },
        on: { click: () => store.setChannel(key) },
      },
      picture,
      el("span", { class: "room-name", text: name }),
      unread ? el("span", { class: "visually-hidden", text: ` (${note})` }) : null,
      unread && forYou > 0 ? el("span", { class: "badge", "aria-hidden": "true", text: String(forYou) }) : null,
    );
    return el("li", {}, button);
  }

  drawRail(bot) {
    const { store, wording } = this.context;
    const { world } = store;
    const isDm = store.channel === "dm";
    const fresh = store.unreadOf("dm").forYou;
    const home = this.railButton(isDm, wording.text("directMessages"), () => store.setChannel("dm"), avatar({ ...bot, bot: true }, "server"));
    if (fresh > 0 && !isDm) home.append(el("span", { class: "badge", text: String(fresh) }));
    const initials = el("span", { class: "avatar server", text: initialsOf(world.guild.name), "aria-hidden": "true" });
    const guild = this.railButton(!isDm, world.guild.name, () => isDm && store.setChannel(world.channels[0].id), initials);
    this.parts.rail.replaceChildren(home, el("span", { class: "rail-line", "aria-hidden": "true" }), guild);
  }

  railButton(current, label, click, picture) {
    return el("button", { type: "button", class: `rail-button${current ? " current" : ""}`, "aria-label": label, title: label, on: { click } }, picture);
  }

  drawTitle(bot) {
    const isDm = this.context.store.channel === "dm";
    this.parts.title.replaceChildren(isDm ? avatar({ ...bot, bot: true }, "small") : icon("hash"), this.roomName(bot));
  }

  roomName(bot) {
    const { store } = this.context;
    return store.world.channels.find((one) => one.id === store.channel)?.name ?? nameOf(bot);
  }

  titleText(bot) {
    return `${this.context.store.channel === "dm" ? "@" : "#"}${this.roomName(bot)}`;
  }
}

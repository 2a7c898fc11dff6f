/** Puts the page together; every part gets what it needs here. */

import { Completion } from "./completion.js";
import { Composer } from "./composer.js";
import { MarkdownView } from "./markdown_view.js";
import { MessageList } from "./message_list.js";
import { ModalView } from "./modal_view.js";
import { SandboxPanel } from "./sandbox_panel.js";
import { Session } from "./session.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { refreshTimes } from "./times.js";
import { TypingLine } from "./typing_line.js";
import { ViewerPanel } from "./viewer_panel.js";
import { Wording } from "./wording.js";

const VIEWER_KEY = "jauge-viewer";
const ROOM_KEY = "jauge-room";
const RETRY_MS = 1000;

const part = (id) => document.getElementById(id);

/** Read what this tab remembers; each tab may look as another person. */
function remembered(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Without storage the page starts with the first person again.
  }
}

function assemble() {
  const store = new Store();
  const session = new Session(store);
  const wording = new Wording();
  const context = { store, session, wording, completion: new Completion(part("completion")) };
  context.draw = new MarkdownView(context);
  const composer = new Composer(context, {
    form: part("composer-form"),
    field: part("composer"),
    slashHost: part("slash-form"),
    replyBar: part("reply-bar"),
    notice: part("notice"),
  });
  context.replyTo = (message) => composer.answer(message);
  context.startCommand = (name) => composer.startCommand(name);
  const list = new MessageList(context, { scroller: part("scroller"), list: part("messages"), newer: part("newer") });
  new Sidebar(context, {
    rail: part("rail"),
    guildName: part("guild-name"),
    channels: part("channels"),
    directs: part("directs"),
    title: part("room-title"),
    navigation: part("navigation"),
    opener: part("open-navigation"),
    veil: part("veil"),
  });
  new ViewerPanel(context, { picture: part("viewer-picture"), viewer: part("viewer"), language: part("language"), dms: part("dms-open") });
  const panel = new SandboxPanel(context, {
    panel: part("sandbox-panel"),
    opener: part("open-panel"),
    closer: part("close-panel"),
    deliveries: part("deliveries"),
    buttons: part("fault-buttons"),
    inForce: part("faults"),
  });
  new ModalView(context, part("modal"));
  const typing = new TypingLine(context, part("typing"));
  return { context, composer, list, panel, typing };
}

/** Change the page's words when the viewer's language is another one. */
function followLanguage({ context, composer, list, panel }) {
  const { store, wording } = context;
  const follow = () => {
    const locale = store.viewer?.locale;
    if (locale === undefined || (wording.locale === locale && wording.applied)) return;
    wording.speak(locale);
    wording.applied = true;
    wording.applyTo(document);
    composer.relabel();
    list.redraw();
    if (!part("sandbox-panel").hidden) panel.show(true);
    store.emit("unread");
  };
  store.addEventListener("world", follow);
  store.addEventListener("viewer", follow);
}

function followRooms({ store }) {
  store.addEventListener("world", () => {
    if (store.channel !== null && store.keys.includes(store.channel)) return;
    const last = remembered(ROOM_KEY);
    store.setChannel(store.keys.includes(last) ? last : store.keys[0]);
  });
  store.addEventListener("channel", () => remember(ROOM_KEY, store.channel));
  store.addEventListener("viewer", () => remember(VIEWER_KEY, store.viewerId));
  document.addEventListener("visibilitychange", () => !document.hidden && store.channel !== null && store.markRead(store.channel));
}

/** Say on the body whether what is shown is complete: what drives the page can wait for `data-ready="true"`. */
function tellReady({ store, session }) {
  store.addEventListener("viewer", () => (document.body.dataset.ready = "false"));
  session.addEventListener("connection", (event) => (document.body.dataset.ready = String(event.detail)));
}

function listen({ context, composer }) {
  const { session, wording } = context;
  for (const hint of document.querySelectorAll("[data-hint]")) hint.addEventListener("click", () => composer.typeAndSend(hint.dataset.hint));
  part("theme").addEventListener("click", () => window.jaugeTheme.toggle());
  session.addEventListener("failed", (event) => {
    composer.complain(`${wording.text("noAnswer")} — ${wording.text("commandNotSent", { command: event.detail.command })}`);
  });
}

/** Start once the sandbox answers; it may still be starting. */
async function start(session) {
  for (;;) {
    try {
      await session.start(remembered(VIEWER_KEY));
      return;
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "Refused") throw error;
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }
}

const page = assemble();
followRooms(page.context);
tellReady(page.context);
followLanguage(page);
listen(page);
setInterval(() => {
  page.typing.tick();
  refreshTimes(document, Date.now());
}, 1000);
await start(page.context.session);

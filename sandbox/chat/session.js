/** What the person does and what the sandbox answers: loads, sends, presses, and follows the live events. */

import * as api from "./api.js";
import { Stream } from "./stream.js";

// Discord fails an interaction after 3 s; the sandbox says so in an event, and this only ends a spinner nothing else ends.
const SPINNER_LIMIT_MS = 4000;

/** Keeps the store in step with the sandbox. Emits "refused", "connection", "modal", "failed" (a command without an answer). */
export class Session extends EventTarget {
  constructor(store) {
    super();
    this.store = store;
    this.stream = null;
    this.waiting = null;
    this.pressed = new Map();
    this.endedEarly = new Set();
    this.failures = new Set();
    this.commandsUnderWay = new Map();
  }

  emit(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Learn the world and look at it as `viewerId`, or as its first person. */
  async start(viewerId) {
    await this.loadWorld();
    const users = this.store.world.users;
    await this.lookAs(users.some((user) => user.id === viewerId) ? viewerId : users[0].id);
  }

  async loadWorld() {
    this.store.setWorld(await api.world());
  }

  /** Change to what another person sees. */
  async lookAs(viewerId) {
    this.stream?.close();
    this.pressed.clear();
    this.failures.clear();
    this.commandsUnderWay.clear();
    this.store.setViewer(viewerId);
    this.stream = new Stream(api.eventsAddress(viewerId), {
      onOpen: () => this.load(viewerId),
      onEvent: (kind, data) => this.receive(kind, data),
      onLost: () => this.emit("connection", false),
    });
  }

  /** Load everything the viewer may see; events that come meanwhile are applied after it, in order. */
  async load(viewerId) {
    const waiting = [];
    this.waiting = waiting;
    try {
      await this.loadWorld();
      const keys = this.store.keys;
      const rooms = await Promise.all(keys.map((key) => api.messages(viewerId, key)));
      const commands = await api.commands(viewerId);
      if (this.waiting !== waiting) return;
      keys.forEach((key, index) => this.store.setMessages(key, rooms[index]));
      this.store.setCommands(commands);
      this.emit("connection", true);
    } catch (error) {
      if (this.waiting === waiting) this.stream?.retry();
      if (!(error instanceof api.Refused) && !(error instanceof TypeError)) throw error;
    } finally {
      if (this.waiting === waiting) {
        this.waiting = null;
        for (const [kind, data] of waiting) this.apply(kind, data);
      }
    }
  }

  receive(kind, data) {
    if (this.waiting === null) this.apply(kind, data);
    else this.waiting.push([kind, data]);
  }

  apply(kind, data) {
    if (kind === "message_create" || kind === "message_update") {
      this.answered(data.message);
      this.store.putMessage(data.message);
    } else if (kind === "message_delete") this.store.dropMessage(data.id, data.channel);
    else if (kind === "typing") this.store.noteTyping(this.store.keyOf(data.channel), data.user ?? data.id, Date.now());
    else if (kind === "modal") {
      this.noteAnswer(data.interaction);
      this.emit("modal", data);
    } else if (kind === "interaction_answered") this.noteAnswer(data.interaction);
    else if (kind === "interaction_failed") this.noteFailure(data);
    else if (kind === "world") this.refreshWorld();
  }

  async refreshWorld() {
    await this.attempt(async () => {
      await this.loadWorld();
      this.store.setCommands(await api.commands(this.store.viewerId));
    });
  }

  /** A message came: it may answer a press (by editing the pressed message, or as its answer) or a command. */
  answered(message) {
    const interaction = message.interaction?.id;
    this.release((press, messageId) => messageId === message.id || press.interaction === interaction);
    if (interaction !== undefined) this.commandsUnderWay.delete(interaction);
    const source = message.reference?.message_id;
    if (source !== undefined) this.release((press, messageId) => messageId === source);
  }

  noteAnswer(interaction) {
    this.endPress(interaction);
    this.commandsUnderWay.delete(interaction);
  }

  /** End the press that became `interaction`; its own answer may still be on the way and bring the id later. */
  endPress(interaction) {
    if ([...this.pressed.values()].some((press) => press.interaction === null)) this.endedEarly.add(interaction);
    this.release((press) => press.interaction === interaction);
  }

  release(matches) {
    for (const [messageId, press] of this.pressed) {
      if (!matches(press, messageId)) continue;
      clearTimeout(press.timer);
      this.pressed.delete(messageId);
      this.store.touch(messageId);
    }
  }

  noteFailure({ interaction, message }) {
    const messageId = typeof message === "object" ? message?.id : message;
    this.endPress(interaction);
    const command = this.commandsUnderWay.get(interaction);
    this.commandsUnderWay.delete(interaction);
    if (messageId !== null && messageId !== undefined) {
      this.failures.add(messageId);
      this.store.touch(messageId);
    } else this.emit("failed", { command: command ?? "" });
  }

  /** Return the custom_id of the component that waits for an answer in this message, or null. */
  pressUnderWay(messageId) {
    return this.pressed.get(messageId)?.customId ?? null;
  }

  /** Return whether the last press in this message failed. */
  hasFailed(messageId) {
    return this.failures.has(messageId);
  }

  /** Press a button or choose in a menu (`values`). */
  async press(messageId, customId, values = null) {
    if (this.pressed.has(messageId)) return;
    const press = { customId, interaction: null, timer: null };
    press.timer = setTimeout(() => this.release((one) => one === press), SPINNER_LIMIT_MS);
    this.pressed.set(messageId, press);
    this.failures.delete(messageId);
    this.store.touch(messageId);
    const done = await this.attempt(async () => {
      press.interaction = (await api.press(this.store.viewerId, messageId, customId, values)).interaction;
      if (this.endedEarly.delete(press.interaction)) this.release((one) => one === press);
    });
    if (!done) this.release((one) => one === press);
  }

  /** Say something; returns whether it was sent. */
  async say(content, replyTo = null) {
    return this.attempt(() => api.say(this.store.viewerId, this.store.channel, content, replyTo));
  }

  /** Run a slash command; returns whether it was sent. */
  async slash(command, options) {
    return this.attempt(async () => {
      const { interaction } = await api.slash(this.store.viewerId, this.store.channel, command, options);
      this.commandsUnderWay.set(interaction, command);
    });
  }

  /** Return the bot's choices for an option that is being typed; none when it offers none. */
  async choices(command, options, focused) {
    try {
      return await api.autocomplete(this.store.viewerId, this.store.channel, command, options, focused);
    } catch (error) {
      if (error instanceof api.Refused || error instanceof TypeError) return [];
      throw error;
    }
  }

  /** Send a form; returns whether it was sent. */
  async submitModal(interaction, values) {
    return this.attempt(() => api.submitModal(this.store.viewerId, interaction, values));
  }

  /** Change the viewer's language or whether they take direct messages. */
  async changeViewer(changes) {
    return this.attempt(async () => {
      await api.changeUser(this.store.viewerId, changes);
      await this.loadWorld();
    });
  }

  /** Do something that the sandbox may refuse; the refusal is told, and false returned. */
  async attempt(action) {
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof api.Refused) && !(error instanceof TypeError)) throw error;
      // A call that nobody answered: what the browser says of it is in the browser's own words and language.
      this.emit("refused", error instanceof api.Refused ? error.message : null);
      return false;
    }
  }
}

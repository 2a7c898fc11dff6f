/** What the page knows: the world, the messages of one viewer, and what each viewer has read. Events tell what changed. */

import { compareIds, idAt } from "./snowflake.js";

const TYPING_MS = 10_000;

/** Flag of a private answer, and of one that is still being thought about. https://docs.discord.com/developers/resources/message */
export const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;

/** Return whether only one person sees the message. */
export const isPrivate = (message) => Boolean(message.ephemeral) || ((message.flags ?? 0) & EPHEMERAL) !== 0;

/** Return whether the bot still thinks about its answer. */
export const isThinking = (message) => ((message.flags ?? 0) & LOADING) !== 0;

/** The state of the page. Emits "world", "viewer", "channel", "messages" (detail: channel key), "unread", "typing", "commands". */
export class Store extends EventTarget {
  constructor() {
    super();
    this.world = { users: [], guild: { id: "0", name: "" }, channels: [], bot: null };
    this.viewerId = null;
    this.channel = null;
    this.commands = [];
    this.rooms = new Map();
    this.dismissed = new Set();
    this.typing = new Map();
    this.readUpTo = new Map();
    // What was said before this page was opened counts as read, for every viewer.
    this.openedId = idAt(Date.now());
  }

  emit(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The person who looks, or null before the world is known. */
  get viewer() {
    return this.world.users.find((user) => user.id === this.viewerId) ?? null;
  }

  /** Return the key of a room: a channel's id, or "dm" for any channel that is not the guild's. */
  keyOf(channelId) {
    return this.world.channels.some((channel) => channel.id === channelId) ? channelId : "dm";
  }

  /** Every room's key, in the order of the side bar. */
  get keys() {
    return [...this.world.channels.map((channel) => channel.id), "dm"];
  }

  /** Take a new description of the world. */
  setWorld(world) {
    this.world = { bot: this.world.bot, ...world };
    this.emit("world");
  }

  /** Look as another person: nothing of the previous view remains. */
  setViewer(viewerId) {
    this.viewerId = viewerId;
    this.rooms.clear();
    this.typing.clear();
    this.commands = [];
    this.emit("viewer");
  }

  /** Open a room. */
  setChannel(key) {
    this.channel = key;
    this.emit("channel");
    this.markRead(key);
  }

  /** Take the commands that the viewer may use. */
  setCommands(commands) {
    this.commands = commands;
    this.emit("commands");
  }

  /** Replace what is known of a room. */
  setMessages(key, messages) {
    const room = new Map();
    for (const message of messages) room.set(message.id, this.withRevision(message, this.rooms.get(key)?.get(message.id)));
    this.rooms.set(key, room);
    for (const message of messages) this.meet(message.author);
    this.noteChange(key);
  }

  /** Add a message, or take its newer form. */
  putMessage(message) {
    const key = this.keyOf(message.channel);
    const room = this.rooms.get(key) ?? new Map();
    this.rooms.set(key, room);
    room.set(message.id, this.withRevision(message, room.get(message.id)));
    this.meet(message.author);
    if (this.typing.get(key)?.delete(message.author.id)) this.emit("typing", key);
    this.noteChange(key);
  }

  /** Forget a message. */
  dropMessage(id, channelId) {
    const key = this.keyOf(channelId);
    if (this.rooms.get(key)?.delete(id)) this.noteChange(key);
  }

  /** Draw a message again: something about it that is not Discord's has changed (a press under way). */
  touch(id) {
    for (const [key, room] of this.rooms) {
      const message = room.get(id);
      if (message === undefined) continue;
      room.set(id, this.withRevision(message, message));
      this.emit("messages", key);
    }
  }

  withRevision(message, before) {
    return { ...message, revision: (before?.revision ?? 0) + 1 };
  }

  meet(author) {
    if (this.world.bot === null && author?.bot) {
      this.world.bot = { id: author.id, name: author.global_name ?? author.username };
      this.emit("world");
    }
  }

  /** Hide a private answer from this page. */
  dismiss(id, channelId) {
    this.dismissed.add(id);
    this.emit("messages", this.keyOf(channelId));
  }

  /** What is shown of a room, oldest first. */
  messagesOf(key) {
    return [...(this.rooms.get(key)?.values() ?? [])]
      .filter((message) => !this.dismissed.has(message.id))
      .sort((first, second) => compareIds(first.id, second.id));
  }

  /** Return a message of any room, or null. */
  find(id) {
    for (const room of this.rooms.values()) if (room.has(id)) return room.get(id);
    return null;
  }

  noteChange(key) {
    this.emit("messages", key);
    if (key === this.channel && !document.hidden) this.markRead(key);
    else this.emit("unread");
  }

  /** Everything in the room has been seen. */
  markRead(key) {
    const newest = this.messagesOf(key).at(-1);
    if (newest !== undefined) this.readUpTo.set(`${this.viewerId}/${key}`, newest.id);
    this.emit("unread");
  }

  /** Return `{count, forYou}`: unread messages, and how many of them address the viewer. */
  unreadOf(key) {
    const seen = this.readUpTo.get(`${this.viewerId}/${key}`) ?? this.openedId;
    const fresh = this.messagesOf(key).filter(
      (message) => compareIds(message.id, seen) > 0 && message.author.id !== this.viewerId,
    );
    const forYou = fresh.filter(
      (message) => key === "dm" || (message.mentions ?? []).some((user) => user.id === this.viewerId),
    );
    return { count: fresh.length, forYou: forYou.length };
  }

  /** Somebody started to type. */
  noteTyping(key, userId, nowMs) {
    if (userId === this.viewerId) return;
    const typists = this.typing.get(key) ?? new Map();
    typists.set(userId, nowMs + TYPING_MS);
    this.typing.set(key, typists);
    this.emit("typing", key);
  }

  /** Return the ids of those who type in the room now. */
  typistsOf(key, nowMs) {
    return [...(this.typing.get(key) ?? new Map())].filter(([, untilMs]) => untilMs > nowMs).map(([userId]) => userId);
  }
}

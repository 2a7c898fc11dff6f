/** The sandbox's Control API, one method per call. */

/** The sandbox refused a call; `message` is its own explanation. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.name = "Refused";
    this.status = status;
  }
}

async function answerOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // Not JSON: the status alone has to do.
  }
  if (!response.ok) throw new Refused(response.status, body?.error ?? `HTTP ${response.status}`);
  return body ?? {};
}

async function get(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined) parameters.set(name, value);
  const suffix = parameters.size > 0 ? `?${parameters}` : "";
  return answerOf(await fetch(`/control/${path}${suffix}`, { cache: "no-store" }));
}

async function post(path, body) {
  return answerOf(
    await fetch(`/control/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

/** Users, guild, channels. */
export const world = () => get("world");

/** What `viewer` may see in a channel, oldest first. */
export const messages = async (viewer, channel) => (await get("messages", { viewer, channel })).messages;

/** The commands the bot has registered, as `viewer` may use them. */
export const commands = async (viewer) => (await get("commands", { viewer })).commands;

/** Say something as a person. */
export const say = (as, channel, content, replyTo = null) =>
  post("messages", { as, channel, content, ...(replyTo === null ? {} : { reply_to: replyTo }) });

/** Press a button, or choose in a menu when `values` is given. */
export const press = (as, message, customId, values = null) =>
  post("press", { as, message, custom_id: customId, ...(values === null ? {} : { values }) });

/** Run a slash command; `command` is its full name, such as "admin_quota add". */
export const slash = (as, channel, command, options) => post("slash", { as, channel, command, options });

/** Send a filled-in form. */
export const submitModal = (as, interaction, values) => post("modal", { as, interaction, values });

/** Change a person's language or whether they take direct messages. */
export const changeUser = (id, changes) => post("users", { id, ...changes });

/** Stripe's webhook deliveries, oldest first. */
export const deliveries = async () => (await get("stripe/deliveries")).deliveries;

/** Switch a fault on; returns the faults in force. */
export const addFault = async (fault) => (await post("faults", fault)).faults;

/** End every fault. */
export const clearFaults = async () => (await answerOf(await fetch("/control/faults", { method: "DELETE" }))).faults;

/** The choices that the bot offers for the option `focused`, which is being typed. */
export const autocomplete = async (as, channel, command, options, focused) =>
  (await post("autocomplete", { as, channel, command, options, focused })).choices;

/** The faults in force. */
export const faults = async () => (await get("faults")).faults;

/** The address of the event stream of `viewer`. */
export const eventsAddress = (viewer) => `/control/events?viewer=${encodeURIComponent(viewer)}`;

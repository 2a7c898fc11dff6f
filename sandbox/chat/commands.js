/** The bot's registered commands as a flat list of what can be run, in the viewer's language. */

const SUB_COMMAND = 1;
const SUB_COMMAND_GROUP = 2;
const CHAT_INPUT = 1;

/** Kinds of options. https://docs.discord.com/developers/interactions/application-commands */
export const OPTION = Object.freeze({ TEXT: 3, INTEGER: 4, BOOLEAN: 5, USER: 6, CHANNEL: 7, ROLE: 8, MENTIONABLE: 9, NUMBER: 10, FILE: 11 });

/** Return the name of a command or option in `locale`, as Discord shows it. */
export const localName = (thing, locale) => thing.name_localizations?.[locale] ?? thing.name;

/** Return the description of a command or option in `locale`. */
export const localDescription = (thing, locale) => thing.description_localizations?.[locale] ?? thing.description ?? "";

/**
 * Return every command that can be run, sub-commands as "admin_quota add".
 *
 * Each is `{path, shown, description, options}`: `path` in the bot's own names, `shown` in the viewer's language; options
 * with the required ones first, as Discord orders them.
 */
export function flatten(commands, locale) {
  return commands
    .filter((command) => (command.type ?? CHAT_INPUT) === CHAT_INPUT)
    .flatMap((command) => leavesOf(command, "", "", locale))
    .sort((first, second) => (first.shown < second.shown ? -1 : 1));
}

function leavesOf(command, pathBefore, shownBefore, locale) {
  const path = `${pathBefore}${command.name}`;
  const shown = `${shownBefore}${localName(command, locale)}`;
  const options = command.options ?? [];
  const nested = options.filter((option) => option.type === SUB_COMMAND || option.type === SUB_COMMAND_GROUP);
  if (nested.length > 0) return nested.flatMap((option) => leavesOf(option, `${path} `, `${shown} `, locale));
  return [{ path, shown, description: localDescription(command, locale), options }];
}

/** Return the commands that match what was typed after the slash: those that begin with it first. */
export function matching(leaves, typed) {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ path, shown }) => {
    const names = [path.toLowerCase(), shown.toLowerCase()];
    if (names.some((name) => name.startsWith(wanted))) return 0;
    return names.some((name) => name.includes(wanted)) ? 1 : 2;
  };
  return leaves
    .map((leaf) => ({ leaf, at: rank(leaf) }))
    .filter(({ at }) => at < 2)
    .sort((first, second) => first.at - second.at)
    .map(({ leaf }) => leaf);
}

/** Discord's ids: 64-bit numbers carried as strings, their upper 42 bits the milliseconds since 2015. */

// https://docs.discord.com/developers/reference#snowflakes
const EPOCH_MS = 1420070400000n;

/** Order two ids; negative when `first` is the older one. */
export function compareIds(first, second) {
  if (first.length !== second.length) return first.length - second.length;
  return first < second ? -1 : first > second ? 1 : 0;
}

/** Return the smallest id that a thing made at `ms` (UTC milliseconds) could have. */
export function idAt(ms) {
  return String((BigInt(Math.trunc(ms)) - EPOCH_MS) << 22n);
}

/** Return when the thing with this id was made, in UTC milliseconds. */
export function madeMs(id) {
  return Number((BigInt(id) >> 22n) + EPOCH_MS);
}

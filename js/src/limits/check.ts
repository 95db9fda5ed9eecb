/** Checks of single values that callers give: none is coerced. */

/** A whole number from 0 to `max`, or a RangeError that names it. */
export function integer(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name} must be an integer from 0 to ${max}`);
  }
  return value;
}

/** A whole number within bounds, or a RangeError that names it. */
export function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be an integer from ${least} to ${most}`);
}

/** `true` or `false`, or a TypeError that names it: the string "false" is no flag. */
export function flag(name: string, value: boolean): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false`);
  return value;
}

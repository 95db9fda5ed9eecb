/**
 * How options are checked. Every entry point checks its options when they are given, by a table
 * that has one check for each name. A name that the table does not have is an error, because a
 * misspelt limit is no limit. The type of the table is made from the type of the options
 * ({@link Checks}), so the compiler finds a name that only one of the two has.
 */

/** Throws an error that names the option if the value is not acceptable. */
export type Check = (name: string, value: unknown) => void;

/** A check for each option of a type. */
export type Checks<T> = { readonly [K in keyof Required<T>]: Check };

/** For the compiler: no name in a table that the type of the options does not have. */
type NoOther<T, C> = { readonly [K in Exclude<keyof C, keyof T>]: never };

/**
 * For each table, the objects that were checked before, with the values that they had: servers give
 * the same object for each connection. A program may have changed it since.
 */
const checked = new WeakMap<object, WeakMap<object, object>>();

/**
 * Checks an object of options. `undefined` stands for an option that is not given.
 *
 * @throws TypeError for an unknown name and for a value of a wrong type; RangeError for a number
 * that is out of range. The message has the name
 */
export function checkOptions(
  entry: string,
  options: unknown,
  checks: Readonly<Record<string, Check>>,
): void {
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    throw new TypeError(`${entry}: the options must be an object`);
  }
  let seen = checked.get(checks);
  if (seen === undefined) checked.set(checks, (seen = new WeakMap()));
  const before = seen.get(options);
  if (before !== undefined && isUnchanged(options, before)) return;
  checkEach(entry, options, checks);
  seen.set(options, { ...options });
}

/**
 * The same for options of which nearly every caller makes a new object: it remembers none. The
 * compiler compares the names of the table with those of the type.
 */
export function checkGiven<T extends object, C extends Checks<T>>(
  entry: string,
  options: T,
  checks: C & NoOther<T, C>,
): void {
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    throw new TypeError(`${entry}: the options must be an object`);
  }
  checkEach(entry, options, checks);
}

function checkEach(entry: string, options: object, checks: Readonly<Record<string, Check>>): void {
  for (const name in options) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      throw new TypeError(`${entry}: there is no option ${JSON.stringify(name)}${meant(name, checks)}`);
    }
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) check(`${entry}: ${name}`, value);
  }
}

/** Whether an object has the same values for the same names as a copy that was made of it before. */
export function isUnchanged(options: object, before: object): boolean {
  const now = options as Record<string, unknown>;
  const then = before as Record<string, unknown>;
  for (const name in now) if (now[name] !== then[name] || !(name in then)) return false;
  for (const name in then) if (!(name in now)) return false;
  return true;
}

/** The part of the options that a table has names for. */
export function pick<T>(options: object, checks: Readonly<Record<string, Check>>): T {
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(checks)) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked as T;
}

/** A hint at a name that differs in the case of letters, or in one letter. */
function meant(name: string, checks: object): string {
  const wanted = Object.keys(checks).find((one) => isNear(one.toLowerCase(), name.toLowerCase()));
  return wanted === undefined ? "" : `; did you mean ${JSON.stringify(wanted)}?`;
}

function isNear(one: string, other: string): boolean {
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  let end = 0;
  const most = Math.min(one.length, other.length) - start;
  while (end < most && one.at(-1 - end) === other.at(-1 - end)) end++;
  return Math.max(one.length, other.length) - start - end <= 1;
}

/** A whole number within bounds. */
export function integerFrom(least: number, most = Number.MAX_SAFE_INTEGER): Check {
  return (name, value) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${shown(value)}`);
    }
  };
}

/** A number of milliseconds. `Infinity` is not accepted: an option that is not given means never. */
export function milliseconds(name: string, value: unknown): void {
  if (typeof value !== "number" || !(value >= 0 && value < Infinity)) {
    throw new RangeError(`${name} must be a number of milliseconds from 0 on, not ${shown(value)}`);
  }
}

/** `true` or `false`. */
export function flag(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${shown(value)}`);
}

/** A function. */
export function callable(name: string, value: unknown): void {
  if (typeof value !== "function") throw new TypeError(`${name} must be a function, not ${shown(value)}`);
}

/** A string. */
export function text(name: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, not ${shown(value)}`);
}

/** An object that is no array. */
export function object(name: string, value: unknown): void {
  if (value === null || Array.isArray(value) || (typeof value !== "object" && typeof value !== "function")) {
    throw new TypeError(`${name} must be an object, not ${shown(value)}`);
  }
}

/** One of these strings. */
export function oneOf(...allowed: string[]): Check {
  return (name, value) => {
    if (!allowed.includes(value as string)) {
      const list = allowed.map((one) => JSON.stringify(one)).join(" or ");
      throw new TypeError(`${name} must be ${list}, not ${shown(value)}`);
    }
  };
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (Array.isArray(value)) return "an array";
  if (value !== null && typeof value === "object") return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

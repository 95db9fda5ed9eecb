/** Options of an inspection, checked when they are given. */

/** Which events to report, and how much memory to take for them. */
export interface InspectOptions {
  /**
   * Report data frames. Control frames are always reported, and so are frames that break a rule.
   * Default `true`.
   */
  readonly frames?: boolean;
  /** Report messages. Default `true`. */
  readonly messages?: boolean;
  /** Bytes that are kept of the payload of each frame and each message. Default 256. */
  readonly payload?: number;
  /** Bytes that all connections together may hold. Default 256 MiB. */
  readonly maxMemory?: number;
}

/** The options of `wscodec_inspect::InspectOptions`, all of them. */
export type Checked = Required<InspectOptions>;

const DEFAULTS: Checked = {
  frames: true,
  messages: true,
  payload: 256,
  maxMemory: 256 * 2 ** 20,
};

/** Most bytes of a payload: the memory of the module has 4 GiB at most. */
const MAX_BYTES = 2 ** 31;

/** The options with the defaults; `known` are names that the caller takes besides. */
export function checked(options: InspectOptions, known: readonly string[] = []): Checked {
  const all: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name) || value === undefined) continue;
    const model = Object.hasOwn(DEFAULTS, name) ? DEFAULTS[name as keyof Checked] : undefined;
    if (model === undefined) throw new TypeError(`there is no option ${JSON.stringify(name)}`);
    if (typeof value !== typeof model) {
      throw new TypeError(`the option ${name} takes a ${typeof model}`);
    }
    if (typeof value === "number" && !(Number.isInteger(value) && value >= 0 && value <= MAX_BYTES)) {
      throw new TypeError(`the option ${name} takes a whole number from 0 to 2147483648`);
    }
    all[name] = value;
  }
  return all as unknown as Checked;
}

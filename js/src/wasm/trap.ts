/**
 * The behaviour after a trap of the module.
 *
 * Nothing unwinds the Rust stack: after a trap the objects that the call used stay borrowed, and
 * others may be half changed. wasm-bindgen's next call says "recursive use of an object", which
 * tells nobody the cause, and a call that does not notice may send bytes that are wrong. So the
 * first trap becomes one clear error, and so does each call after it. No input of a peer and no
 * lack of memory is meant to come here: such a trap is a fault of this package.
 *
 * `build/bundle.mjs` puts {@link trapped} around each export of the module. It is in the code that
 * wasm-bindgen generates, because all calls go through that.
 */

/** The module has trapped, and can't be used any more. Reload the program, and report it. */
export class ModuleError extends Error {
  /** The stable name of what is wrong. */
  readonly code = "MODULE_TRAPPED";

  constructor(cause: unknown) {
    const { message } = cause as { message?: unknown };
    const why = typeof message === "string" ? message : String(cause);
    super(`the WebAssembly module of wscodec has trapped (${why}) and can't be used any more`, { cause });
  }

  override get name(): string {
    return "ModuleError";
  }
}

/** The exports of a module. */
type Exports = Record<string, unknown>;

/** Whether an export threw because of a trap; the module throws errors on purpose, too. */
function isTrap(error: unknown): boolean {
  const name = (error as { name?: unknown } | null)?.name;
  // A stack that is full is a RangeError in V8, and an InternalError in SpiderMonkey.
  return name === "RuntimeError" || name === "RangeError" || name === "InternalError";
}

/**
 * The error to throw instead of an error that an export threw, and the exports for later calls: after
 * a trap each of them throws the same error.
 */
export function trapped(error: unknown, exports: Exports): [error: unknown, exports: Exports] {
  if (!isTrap(error)) return [error, exports];
  const dead = new ModuleError(error);
  const refuse = (): never => {
    throw dead;
  };
  const nothing = (): void => {};
  const broken = new Proxy(exports, {
    get(target, name: string) {
      if (typeof target[name] !== "function") return target[name];
      // Called by the collector, where nobody could catch it.
      return /^__wbg_.*_free$/.test(name) ? nothing : refuse;
    },
  });
  return [dead, broken];
}

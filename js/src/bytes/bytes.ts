/**
 * Bytes as callers hand them over, and how they are read.
 *
 * A caller may hand over anything at run time, and an object that looks like bytes may lie:
 * `length`, `byteLength`, `byteOffset` and `buffer` are plain properties that a subclass or
 * `Object.defineProperty` replaces, and a wrong length would make a decoder read memory that other
 * connections wrote. So this file is the only one that asks a value for its length and its memory,
 * and it asks the getters of `%TypedArray%.prototype` and its relatives, which read the internal
 * slots. They also work for objects of another realm (an iframe, `node:vm`, jest), where
 * `instanceof` does not.
 *
 * Invariant: no other file reads `.length`, `.buffer` or `.slice()` of a value that came from a
 * caller before it went through {@link asUint8Array} or was asked by the functions here.
 */

/** Bytes in any shape; the memory below may be shared. */
export type Bytes = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

type Getter<T> = (value: unknown) => T;

/**
 * A getter as a function of the object that it reads. It is bound, because V8 inlines a built-in
 * getter where the callee is a bound function that it knows, and calls it where the code says
 * `getter.call(value)`: that took 5 to 10 ns for each chunk and each payload.
 */
function getter<T>(prototype: object, name: string | symbol): Getter<T> {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get as () => T;
  return Function.prototype.call.bind(get) as Getter<T>;
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const tagOf = getter<string | undefined>(typedArray, Symbol.toStringTag);
const typedLength = getter<number>(typedArray, "byteLength");
const typedOffset = getter<number>(typedArray, "byteOffset");
const typedBuffer = getter<ArrayBuffer>(typedArray, "buffer");
const viewLength = getter<number>(DataView.prototype, "byteLength");
const viewOffset = getter<number>(DataView.prototype, "byteOffset");
const viewBuffer = getter<ArrayBuffer>(DataView.prototype, "buffer");
const bufferLength = getter<number>(ArrayBuffer.prototype, "byteLength");
const sharedLength =
  typeof SharedArrayBuffer === "undefined"
    ? undefined
    : getter<number>(SharedArrayBuffer.prototype, "byteLength");

/** Whether this is a `Uint8Array`, of any realm and subclass. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return tagOf(value) === "Uint8Array";
}

/** Bytes of a `Uint8Array`, whatever its properties say. */
export function lengthOf(bytes: Uint8Array): number {
  return typedLength(bytes);
}

/** The memory that a `Uint8Array` lies on, whatever its properties say. */
export function memoryOf(bytes: Uint8Array): ArrayBufferLike {
  return typedBuffer(bytes);
}

/** A copy in memory of its own; `slice` of a `Buffer` is none. */
export function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(lengthOf(bytes));
  copy.set(bytes);
  return copy;
}

/**
 * Any bytes as a plain `Uint8Array` on the same memory.
 *
 * @throws TypeError for all else; `what` names the value
 */
export function asUint8Array(bytes: Bytes, what = "data"): Uint8Array {
  if (tagOf(bytes) !== undefined) {
    return new Uint8Array(typedBuffer(bytes), typedOffset(bytes), typedLength(bytes));
  }
  if (ArrayBuffer.isView(bytes)) {
    return new Uint8Array(viewBuffer(bytes), viewOffset(bytes), viewLength(bytes));
  }
  if (isBuffer(bytes, bufferLength) || isBuffer(bytes, sharedLength)) return new Uint8Array(bytes);
  throw notBytes(bytes, what);
}

/** Whether this is a `SharedArrayBuffer`, of any realm. */
export function isSharedBuffer(value: unknown): value is SharedArrayBuffer {
  return isBuffer(value, sharedLength);
}

function isBuffer(value: unknown, length: Getter<number> | undefined): value is ArrayBuffer {
  try {
    length?.(value);
    return length !== undefined;
  } catch {
    return false;
  }
}

/** The TypeError for a value that is no bytes, and no string where that may be one. */
export function notBytes(value: unknown, what: string, orString = false): TypeError {
  const wanted = `${orString ? "a string, " : ""}an ArrayBuffer, a SharedArrayBuffer or a view of one`;
  return new TypeError(`${what} must be ${wanted}, not ${kindOf(value)}`);
}

/** Text, or bytes as a plain `Uint8Array`. */
export function asTextOrBytes(data: string | Bytes, what = "data"): string | Uint8Array {
  if (typeof data === "string") return data;
  if (typeof data !== "object" || data === null) throw notBytes(data, what, true);
  return asUint8Array(data, what);
}

/** How an error names a value: no content, as that may be secret. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
  try {
    const name: unknown = (value as object).constructor?.name;
    return typeof name === "string" && name !== "" && name !== "Object" ? `a ${name}` : "an object";
  } catch {
    return "an object";
  }
}

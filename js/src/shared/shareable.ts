/** The module on memory that threads share, made of the one that is published. */

const MEMORY_SECTION = 5;
const SHARED_WITH_MAXIMUM = 3;

/**
 * The same module with its memory shared, and at most `pages` of 64 KiB: only the
 * memory section (WebAssembly core, §5.5.8) differs. The code has no atomic
 * instructions, so one thread alone may run it; others read what it has decoded.
 */
export function shareable(module: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  // The first section is behind the magic number and the version.
  let at = 8;
  while (at < module.length) {
    const [size, content] = read(module, at + 1);
    const end = content + size;
    if (module[at] === MEMORY_SECTION) {
      const [count, limits] = read(module, content);
      const [flags, first] = read(module, limits);
      const [initial] = read(module, first);
      if (count !== 1 || flags > 1) throw new RangeError("the module has no memory of the kind");
      const memory = [1, SHARED_WITH_MAXIMUM, ...written(initial), ...written(pages)];
      const section = [MEMORY_SECTION, ...written(memory.length), ...memory];
      const patched = new Uint8Array(module.length - (end - at) + section.length);
      patched.set(module.subarray(0, at));
      patched.set(section, at);
      patched.set(module.subarray(end), at + section.length);
      return patched;
    }
    at = end;
  }
  throw new RangeError("the module has no memory");
}

/** An unsigned LEB128, and where it ends. */
function read(bytes: Uint8Array, from: number): [value: number, end: number] {
  let value = 0;
  for (let at = from, factor = 1; ; at++, factor *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at + 1];
  }
}

function written(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

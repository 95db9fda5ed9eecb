/** Numbers as people read them. */

const whole = new Intl.NumberFormat("en-US");

/** `1,234,567`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 frame`, `2 frames`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Bytes in a unit that suits them. */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  let value = bytes;
  for (; value >= 1024 && i < units.length - 1; i++) value /= 1024;
  return `${i === 0 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1)} ${units[i]}`;
}

/** Seconds with microseconds, as the command prints them. */
export function seconds(value: number): string {
  return value.toFixed(6);
}

/** A duration in the unit that suits it. */
export function duration(value: number): string {
  if (value < 1e-3) return `${(value * 1e6).toFixed(0)} µs`;
  if (value < 1) return `${(value * 1e3).toFixed(1)} ms`;
  if (value < 60) return `${value.toFixed(2)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

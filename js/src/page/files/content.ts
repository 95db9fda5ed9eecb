/** What a file is, by its first bytes. */

/** The labels of an `SSLKEYLOGFILE` (`draft-ietf-tls-keylogfile`) end in these words. */
const KEY = /^(CLIENT_RANDOM|[A-Z_]*(SECRET|SECRET_0|SECRET_N)) [0-9A-Fa-f]{64} [0-9A-Fa-f]+\s*$/;

/** Whether the first line that is no comment is one of a key log. */
export function isKeyLog(front: Uint8Array): boolean {
  const lines = new TextDecoder("latin1").decode(front).split("\n");
  const first = lines.find((line) => line.trim() !== "" && !line.startsWith("#"));
  return first !== undefined && KEY.test(first);
}

/** The bytes of a text that has hexadecimal digits only, such as `81 05 48 65 6c 6c 6f`. */
export function decodedHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/[\s:,]/g, "");
  if (digits.length < 4 || digits.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

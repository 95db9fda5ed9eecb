/** Bytes in any shape; the memory below may be shared. */
export type Bytes = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Any bytes as a `Uint8Array` on the same memory. */
export function asUint8Array(bytes: Bytes): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  if (ArrayBuffer.isView(bytes)) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return new Uint8Array(bytes);
}

/** Heads for the tests of the handshake, changed line by line. */

import assert from "node:assert/strict";

import { UpgradeRequest, WscodecError } from "wscodec";

export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export const REQUEST = [
  "GET /chat?room=1 HTTP/1.1",
  "Host: example.com:8080",
  "Upgrade: websocket",
  "Connection: keep-alive, Upgrade",
  `Sec-WebSocket-Key: ${KEY}`,
  "Sec-WebSocket-Version: 13",
];

export const RESPONSE = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
];

/** One byte for each character. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** A head of these lines; each change replaces the line that begins so, or is added. */
export function head(lines: readonly string[], changes: Record<string, string> = {}): string {
  const changed = [...lines];
  for (const [start, line] of Object.entries(changes)) {
    const at = changed.findIndex((line) => start !== "" && line.startsWith(start));
    changed.splice(at < 0 ? changed.length : at, at < 0 ? 0 : 1, ...(line === "" ? [] : [line]));
  }
  return `${changed.join("\r\n")}\r\n\r\n`;
}

/** The request of {@link REQUEST} with these changes. */
export function request(changes?: Record<string, string>): UpgradeRequest {
  return UpgradeRequest.parse(bytes(head(REQUEST, changes))) as UpgradeRequest;
}

/** The error that a call throws, which must be one of the package's. */
export function thrown(call: () => unknown): WscodecError {
  let error: unknown;
  assert.throws(call, (what) => {
    error = what;
    return true;
  });
  if (error instanceof WscodecError) return error;
  throw error;
}

/** Both sides of recorded conversations, read by what `observe` makes of their heads. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { type MessageDecoder, observe, UpgradeRequest, UpgradeResponse } from "wscodec";
import { observe as slimObserve, UpgradeResponse as SlimResponse } from "wscodec/slim";

import { file } from "./codec-harness.ts";

const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");

interface Message {
  readonly kind: string;
  readonly compressed: boolean;
  readonly length: number;
  readonly sha1: string;
  readonly inflatedLength?: number;
  readonly inflatedSha1?: string;
}

function read(decoder: MessageDecoder, bytes: Uint8Array, size: number): unknown[] {
  const found: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    decoder.push(bytes.subarray(at, at + size));
    while (decoder.next()) {
      const { opcode, type, length } = decoder;
      if (opcode < 8) found.push([type, length, sha1(decoder.copy())]);
    }
  }
  decoder.free();
  return found;
}

function expected(messages: readonly Message[]): unknown[] {
  return messages.map(({ kind, compressed, length, sha1, inflatedLength, inflatedSha1 }) =>
    compressed ? [kind, inflatedLength ?? length, inflatedSha1 ?? sha1] : [kind, length, sha1],
  );
}

test("both sides of each recording are read, compressed or not", () => {
  let compressed = 0;
  for (const name of readdirSync(new URL("../../tests/captures/", import.meta.url))) {
    if (name.includes(".")) continue;
    const json = JSON.parse(file(`captures/${name}/expected.json`).toString());
    const [c2s, s2c] = [file(`captures/${name}/c2s.bin`), file(`captures/${name}/s2c.bin`)];
    if (json.status !== 101) continue;
    for (const size of [1 << 20, 100]) {
      const request = UpgradeRequest.parse(c2s) as UpgradeRequest;
      const response = UpgradeResponse.parse(s2c, request) as UpgradeResponse;
      const { fromClient, fromServer, deflate, protocol } = observe(request, response);
      assert.equal(fromClient.offset, json.c2s.head);
      assert.equal(fromServer.offset, json.s2c.head);
      assert.equal(protocol ?? null, json.protocol);
      assert.equal(deflate !== undefined, json.deflate !== null, name);
      if (deflate !== undefined) {
        compressed++;
        assert.deepEqual(deflate, {
          fromClient: {
            windowBits: json.deflate.clientMaxWindowBits,
            contextTakeover: !json.deflate.clientNoContextTakeover,
          },
          fromServer: {
            windowBits: json.deflate.serverMaxWindowBits,
            contextTakeover: !json.deflate.serverNoContextTakeover,
          },
        });
      }
      for (const [decoder, bytes, side] of [
        [fromClient, c2s, json.c2s],
        [fromServer, s2c, json.s2c],
      ] as const) {
        // A recording that is cut, or at fault, ends by the decoder's error.
        try {
          assert.deepEqual(read(decoder, bytes.subarray(side.head), size), expected(side.messages), name);
        } catch (error) {
          if (side.end === undefined || (error as Error).name === "AssertionError") throw error;
        }
      }
    }
  }
  assert.ok(compressed >= 10, `${compressed} compressed ones`);
});

const RESPONSE =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

function responseOf(more: string): UpgradeResponse {
  return UpgradeResponse.parse(new TextEncoder().encode(`${RESPONSE}${more}\r\n`)) as UpgradeResponse;
}

test("a capture may begin behind the request, and options hold for both", () => {
  const response = responseOf("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n");
  const { fromClient, fromServer, deflate } = observe(undefined, response, { maxMessage: 3 });
  assert.equal(deflate?.fromClient.windowBits, 9);
  assert.equal(deflate?.fromServer.windowBits, 15);
  assert.throws(() => fromServer.push(Uint8Array.of(0x82, 4, 1, 2, 3, 4)).next(), {
    code: "MESSAGE_TOO_LARGE",
  });
  assert.throws(() => fromClient.push(Uint8Array.of(0x82, 0x84, 0, 0, 0, 0, 1, 2, 3, 4)).next(), {
    code: "MESSAGE_TOO_LARGE",
  });
});

test("answers that agree on nothing are refused", () => {
  for (const wrong of [
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; what=1",
    "permessage-deflate, permessage-deflate",
  ]) {
    const response = responseOf(`Sec-WebSocket-Extensions: ${wrong}\r\n`);
    assert.throws(() => observe(undefined, response), { code: "EXTENSION_PARAMETER" }, wrong);
  }
  const bytes = new TextEncoder().encode("HTTP/1.1 403 Forbidden\r\n\r\n");
  const refused = UpgradeResponse.parse(bytes) as UpgradeResponse;
  assert.throws(() => observe(undefined, refused), { name: "HandshakeError", code: "STATUS" });
  const plain = observe(undefined, responseOf(""));
  assert.equal(plain.deflate, undefined);
  assert.throws(() => plain.fromServer.push(Uint8Array.of(0xc1, 0)).next(), { code: "RESERVED_BITS" });
});

test("the build without compression says so", () => {
  const head = new TextEncoder().encode(`${RESPONSE}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`);
  const response = SlimResponse.parse(head) as SlimResponse;
  assert.throws(() => slimObserve(undefined, response), { code: "NO_DEFLATE" });
});

/** What the inspect command says of compressed messages that it can't, or is not to, inflate. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { Compressor } from "wscodec";

import { capture, frame, inspectBytes, linesOf } from "./inspect-harness.ts";

const compressor = new Compressor();
const good = [1, 2, 3].map((n) => frame(0xc1, compressor.message(`{"message":${n}}`)));
const bare = ["--json", "--no-handshake", "--deflate"];

/** Types and sizes, in a short form. */
async function told(bytes: Buffer, options: readonly string[]): Promise<unknown[]> {
  const { text } = await inspectBytes([bytes], options);
  return linesOf(text).slice(0, -1).map(({ type, code, inflated, text, hex, offset }) => {
    return code === undefined ? [inflated ?? null, text ?? hex.length / 2] : [type, code, offset];
  });
}

test("without the answer, messages are shown as they are", async () => {
  const { c2s } = capture("ws-deflate");
  const { text, fine } = await inspectBytes([c2s], ["--messages"]);
  assert.match(text, /shown as they are: the server's answer is not there/);
  assert.equal(text.match(/shown as they are/g)?.length, 1);
  assert.ok(fine);
  const first = linesOf((await inspectBytes([c2s], ["--json"])).text)[1];
  assert.deepEqual([first?.type, first?.code], ["note", "NOT_INFLATED"]);
});

test("the answer alone is enough", async () => {
  const { s2c } = capture("ws-deflate");
  const lines = linesOf((await inspectBytes([s2c], ["--json", "--messages"])).text);
  assert.ok(lines.every(({ type, inflated, compressed }) => {
    return type !== "note" && (type !== "message" || !compressed || inflated >= 0);
  }));
});

test("--deflate inflates without a handshake, --no-inflate does not", async () => {
  const bytes = Buffer.concat(good);
  const found = [13, '{"message":1}', 13, '{"message":2}', 13, '{"message":3}'];
  assert.deepEqual((await told(bytes, bare)).flat(), found);
  assert.deepEqual((await told(bytes, [...bare, "--messages"])).flat(), found);
  const plain = good.map(({ length }) => [null, length - 2]);
  const note = ["note", "NOT_INFLATED", 0];
  assert.deepEqual(await told(bytes, [...bare, "--no-inflate"]), [note, ...plain]);
});

test("damage is told behind what it lies in, and what follows is shown as it is", async () => {
  for (const options of [bare, [...bare, "--messages"]]) {
    const damaged = frame(0xc1, Buffer.from("f248cdc9ff", "hex"));
    const bytes = Buffer.concat([good[0] as Buffer, damaged, good[1] as Buffer, frame(0x81, "x")]);
    const [first, second, error, note, third, last] = await told(bytes, options);
    const at = (good[0] as Buffer).length;
    assert.deepEqual(first, [13, '{"message":1}']);
    assert.equal((second as [number])[0] > 0, true);
    assert.deepEqual(error, ["error", "INVALID_COMPRESSED_DATA", at]);
    assert.deepEqual(note, ["note", "NOT_INFLATED", at + damaged.length]);
    assert.deepEqual(third, [null, (good[1] as Buffer).length - 2]);
    assert.deepEqual(last, [null, "x"]);
    assert.equal((await inspectBytes([bytes], options)).fine, false);
  }
});

test("text that is none when inflated is a fault", async () => {
  const own = new Compressor();
  const bad = frame(0xc1, own.message(Uint8Array.of(97, 0xff)));
  const cut = frame(0xc1, new Compressor().message(Uint8Array.of(97, 0xc3)));
  for (const bytes of [bad, cut]) {
    const [line, error] = await told(bytes, bare);
    assert.equal((line as [number])[0], 2);
    assert.deepEqual(error, ["error", "INVALID_UTF8", 0]);
  }
  const binary = Buffer.from(bad);
  binary[0] = 0xc2;
  assert.deepEqual(await told(binary, bare), [[2, 2]]);
});

test("messages of any size pass, and the limit holds for what they hold", async () => {
  const zeros = new Compressor().message(new Uint8Array(5_000_000));
  const bytes = frame(0xc2, zeros);
  assert.deepEqual((await told(bytes, [...bare, "--preview", "4"])).flat(), [5_000_000, 4]);
  const lines = await told(bytes, [...bare, "--max-message", "1M"]);
  assert.deepEqual(lines.at(-1), ["error", "MESSAGE_TOO_LARGE", 0]);
});

/** One way to send: each layer has the same methods, and they write the same bytes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageEncoder, Prepared, Session } from "wscodec";
import { NodeConnection } from "wscodec/node";

const role = "server";

/** Each method with arguments. Those of a message in fragments follow one another. */
const commands = [
  ["text", "Grüße"],
  ["binary", Uint8Array.of(1, 2, 3)],
  ["send", "text"],
  ["send", Uint8Array.of(4)],
  ["send", new Prepared("both")],
  ["prepared", new Prepared("news")],
  ["begin", "text", "a"],
  ["ping", "?"],
  ["more", "b"],
  ["pong", "!"],
  ["finish", "c"],
  ["close", 1000, "bye"],
] as const;

test("each layer has the same methods", () => {
  for (const [name] of commands) {
    for (const layer of [MessageEncoder, Session, NodeConnection]) {
      assert.equal(typeof (layer.prototype as any)[name], "function", `${layer.name}.${name}`);
    }
  }
});

test("an encoder and a session write the same bytes", () => {
  const [encoder, session]: any[] = [new MessageEncoder({ role }), new Session({ role })];
  for (const [name, ...rest] of commands) {
    const bytes = encoder[name](...rest).take();
    assert.ok(bytes.length > 1, name);
    assert.deepEqual(session[name](...rest).take(), bytes, name);
  }
});

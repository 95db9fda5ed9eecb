// The agreement of two sides on compression.

import assert from "node:assert/strict";
import { test } from "node:test";

import { acceptDeflate, DeflateOffer, type DeflateOptions, UpgradeRequest } from "wscodec";

const shared = { dedicated: false, historyBits: 12 };
const all = { windowBits: 15, contextTakeover: true };

/** Offers, a server's policy, the answer, and both directions as the server has them. */
const accepted: [string, DeflateOptions, string, [number, boolean], [number, boolean]][] = [
  ["permessage-deflate", {}, "permessage-deflate", [15, true], [15, true]],
  [
    "permessage-deflate; client_max_window_bits",
    { receive: { windowBits: 10 } },
    "permessage-deflate; client_max_window_bits=10",
    [15, true],
    [10, true],
  ],
  [
    'x; y=1, permessage-deflate; server_max_window_bits="9"; server_no_context_takeover',
    {},
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
    [9, false],
    [15, true],
  ],
  // The first can't be met: the client's window may not be limited.
  [
    "permessage-deflate, permessage-deflate; client_max_window_bits=12",
    { receive: { windowBits: 11, contextTakeover: false } },
    "permessage-deflate; client_no_context_takeover; client_max_window_bits=11",
    [15, true],
    [11, false],
  ],
  [
    "permessage-deflate; server_max_window_bits=8",
    { send: { contextTakeover: false } },
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
    [8, false],
    [15, true],
  ],
];

test("a server accepts the first offer that it can meet", () => {
  for (const [offers, policy, header, send, receive] of accepted) {
    const deflate = acceptDeflate(offers, policy);
    const direction = ([windowBits, contextTakeover]: [number, boolean]) => {
      return { windowBits, contextTakeover };
    };
    assert.deepEqual(deflate, {
      send: direction(send),
      receive: direction(receive),
      level: 6,
      threshold: 64,
...shared,
      header,
    });
  }
});

test("a server declines what it can't meet or does not know", () => {
  for (const offers of [
    "",
    "x-webkit-deflate-frame",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=010",
    "permessage-deflate; client_max_window_bits=1a",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; unknown",
    "permessage-deflate; ; x=",
  ]) {
    assert.equal(acceptDeflate(offers), undefined, offers);
  }
  const policy = { receive: { windowBits: 14 } };
  assert.equal(acceptDeflate("permessage-deflate", policy), undefined);
});

test("offers come out of a request", () => {
  const head =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Extensions: x; a=b\r\n" +
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits="10"\r\n\r\n';
  const request = UpgradeRequest.parse(new TextEncoder().encode(head)) as UpgradeRequest;
  const deflate = acceptDeflate(request.extensions, { level: 1, threshold: 0 });
  assert.deepEqual(deflate, {
    send: { windowBits: 10, contextTakeover: true },
    receive: all,
    level: 1,
    threshold: 0,
    ...shared,
    header: "permessage-deflate; server_max_window_bits=10",
  });
  const answer = new TextDecoder().decode(request.accept({ extensions: deflate?.header }));
  assert.match(answer, /Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n/);
});

test("a client holds the answer against what it offered", () => {
  const plain = new DeflateOffer();
  assert.equal(plain.header, "permessage-deflate; client_max_window_bits");
  assert.equal(plain.check(""), undefined);
  assert.equal(plain.check([{ name: "x", params: [] }]), undefined);
  assert.deepEqual(plain.check("permessage-deflate"), {
    send: all,
    receive: all,
    level: 6,
    threshold: 64,
...shared,
  });
  const answer = "permessage-deflate; client_max_window_bits=9; server_no_context_takeover";
  assert.deepEqual(plain.check(answer), {
    send: { windowBits: 9, contextTakeover: true },
    receive: { windowBits: 15, contextTakeover: false },
    level: 6,
    threshold: 64,
...shared,
  });

  const strict = new DeflateOffer({
    send: { windowBits: 12, contextTakeover: false },
    receive: { windowBits: 10, contextTakeover: false },
    level: 9,
  });
  assert.equal(
    strict.header,
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
      "server_max_window_bits=10; client_max_window_bits=12",
  );
  assert.deepEqual(
    strict.check("permessage-deflate; server_no_context_takeover; server_max_window_bits=9"),
    {
      send: { windowBits: 12, contextTakeover: false },
      receive: { windowBits: 9, contextTakeover: false },
      level: 9,
      threshold: 64,
...shared,
    },
  );
  for (const wrong of [
    "permessage-deflate",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; x",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10, permessage-deflate",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits",
    "permessage-deflate; ;",
  ]) {
    assert.throws(() => strict.check(wrong), {
      name: "HandshakeError",
      code: "EXTENSION_PARAMETER",
    }, wrong);
  }
});

test("what both sides agree on is the same", () => {
  for (const windowBits of [8, 11, 15]) {
    for (const contextTakeover of [true, false]) {
      const options = { send: { windowBits }, receive: { contextTakeover } };
      const offer = new DeflateOffer(options);
      const server = acceptDeflate(offer.header, { send: { windowBits: 13 } });
      assert.ok(server);
      const client = offer.check(server.header);
      assert.deepEqual(client?.send, server.receive);
      assert.deepEqual(client?.receive.contextTakeover, server.send.contextTakeover);
      // A server may use less of its window than it says.
      assert.ok((client?.receive.windowBits as number) >= server.send.windowBits);
    }
  }
});

test("options are checked", () => {
  const wrong: [DeflateOptions, RegExp][] = [
    [{ send: { windowBits: 7 } }, /windowBits/],
    [{ receive: { windowBits: 16 } }, /windowBits/],
    [{ level: 0 }, /level/],
    [{ level: 10 }, /level/],
    [{ threshold: -1 }, /threshold/],
    [{ threshold: 1.5 }, /threshold/],
    [{ historyBits: 16 }, /historyBits/],
  ];
  for (const [options, about] of wrong) {
    for (const use of [() => acceptDeflate("", options), () => new DeflateOffer(options).header]) {
      assert.throws(use, (error: Error) => error instanceof RangeError && about.test(error.message));
    }
  }
});

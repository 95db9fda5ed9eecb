// The shared vectors through the codec as a component, translated by jco: vectors.mjs COMPONENT FOLDER.
//
// Each decoder runs in both forms of its call: numbers (`decode`) and records (`decodeEvents`).

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { load } from "./load.mjs";

const [component, folder] = process.argv.slice(2);

const exported = await load(component);
const { frames, messages, session: sessions, types } = exported;
const read = async (name) => JSON.parse(await readFile(join(folder, `${name}.json`), "utf8"));

/** Hex, in which `00*5` is five zeros and `#` begins a comment. */
function octets(value) {
  const words = [value].flat().flatMap((line) => line.split("#")[0].split(" ")).filter(Boolean);
  return Buffer.concat(
    words.map((word) => {
      const [digits, times = "1"] = word.split("*");
      return Buffer.concat(Array(Number(times)).fill(Buffer.from(digits, "hex")));
    }),
  );
}

const textOf = (value) => (typeof value === "string" ? value : value[0].repeat(value[1]));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const keyOf = (value) => [...octets(value)];

/** The events of a vector, in one form. */
function expected(vector) {
  return vector.events.map((event) => {
    const [[what, payload]] = Object.entries(event);
    if (what === "text") return [what, textOf(payload)];
    if (what === "close") return payload.length ? [what, payload[0], textOf(payload[1] ?? "")] : [what];
    return [what, hex(octets(payload))];
  });
}

/** jco drops a byte order mark at the front of a `string`. `decode` and its `list<u8>` keep it. */
const withoutMarks = (events) =>
  events.map(([what, ...rest]) => [what, ...(what === "text" ? rest.map((text) => text.replace(/^\ufeff/, "")) : rest)]);

const names = { 1: "Text", 2: "Binary", 8: "close", 9: "ping", 10: "pong" };

/** The events of a batch of numbers, in that form. */
function fromNumbers({ payloads, events }) {
  const out = [];
  for (let i = 0; i < events.length; i += 3) {
    const [head, start, length] = events.slice(i, i + 3);
    const payload = payloads.slice(start, start + length);
    const name = names[head & 15];
    const code = head >>> 16;
    const text = () => Buffer.from(payload).toString();
    if (head & 512) out.push([`opaque${name}`, hex(payload)]);
    else if (name === "Text") out.push(["text", text()]);
    else if (name === "close") out.push(code === 1005 ? [name] : [name, code, text()]);
    else out.push([name.toLowerCase(), hex(payload)]);
  }
  return out;
}

/** The same of records. */
function fromRecords({ events }) {
  return events.map(({ tag, val }) => {
    if (tag === "text") return [tag, val];
    if (tag === "opaque") return [val.kind === "text" ? "opaqueText" : "opaqueBinary", hex(val.payload)];
    if (tag === "close") return val ? [tag, val.code, val.reason] : [tag];
    return [tag, hex(val)];
  });
}

/** jco throws the error of a `result` as it is, or, by its version, in an object around it. */
const codeOf = (error) => (error.payload ?? error).code;

const told = (error) =>
  error && { code: error.code, closeCode: error.closeCode, offset: Number(error.offset) };

/** Whole, cut in two, and byte by byte. */
function* cuts(length) {
  yield [];
  const places = length <= 40 ? [...Array(length).keys()] : [1, 2, 3, 5, 9, 14, length >> 1, length - 1];
  for (const place of places) if (place > 0) yield [place];
  if (length <= 2000) yield [...Array(length).keys()].slice(1);
}

const chunks = (data, places) =>
  [0, ...places].map((place, i) => data.subarray(place, places[i] ?? data.length));

function limitsOf(vector) {
  const limits = types.defaultLimits();
  const { frame, message, fragments } = vector.limits ?? {};
  if (frame !== undefined) limits.frame = BigInt(frame);
  if (message !== undefined) limits.message = BigInt(message);
  if (fragments !== undefined) limits.fragments = fragments;
  return limits;
}

let runs = 0;

for (const name of ["frames", "messages", "text", "close", "limits"]) {
  for (const vector of (await read(name)).vectors) {
    const data = octets(vector.bytes);
    for (const places of cuts(data.length)) {
      for (const [method, form] of [["decode", fromNumbers], ["decodeEvents", fromRecords]]) {
        // A list of records of large payloads is slow, and has the same code for all lengths.
        if (method === "decodeEvents" && (data.length > 2000 || places.length > 1)) continue;
        const about = `${name}: ${vector.name}, ${method}, cut at ${places.slice(0, 3)}`;
        const decoder = decoderOf(vector);
        const seen = [];
        let fault;
        for (const part of chunks(data, places)) {
          const batch = decoder[method](part);
          assert.ok(!batch.more, about);
          seen.push(...form(batch));
          fault ??= batch.error;
        }
        const wanted = form === fromRecords ? withoutMarks(expected(vector)) : expected(vector);
        assert.deepEqual(seen, wanted, about);
        if (vector.end === false) {
          assert.throws(() => decoder.end(), (error) => codeOf(error) === "UNEXPECTED_EOF", about);
        } else if (!vector.error) {
          decoder.end();
        }
        assert.deepEqual(told(fault), vector.error, about);
        decoder[Symbol.dispose]();
        runs += 1;
      }
    }
  }
}

function decoderOf(vector) {
  const extension = vector.rsv ? { tag: "opaque", val: vector.rsv } : { tag: "none" };
  const decoder = messages.MessageDecoder.create({
    role: vector.role,
    limits: limitsOf(vector),
    extension,
    pieces: false,
    offset: 0n,
    dangerouslyAcceptUnmasked: false,
  });
  return decoder;
}

for (const vector of (await read("encode")).vectors) {
  const keys = (vector.maskKey ?? []).map(keyOf);
  const mask =
    vector.role === "client"
      ? { tag: "dangerously-repeated", val: keys.length ? keys : [[0, 0, 0, 0]] }
      : { tag: "unmasked" };
  const encoder = messages.MessageEncoder.create({ mask, deflate: undefined });
  const out = [];
  vector.frames.forEach((what, i) => {
    if (what.error === undefined) {
      send(encoder, keys[i], what);
      return;
    }
    assert.throws(
      () => send(encoder, keys[i], what.of),
      (error) => codeOf(error) === what.error,
      vector.name,
    );
  });
  out.push(encoder.takeOutput());
  assert.equal(hex(Buffer.concat(out)), hex(octets(vector.bytes)), vector.name);
  runs += 1;

  function send(encoder, key, what) {
    const [[kind, payload]] = Object.entries(what);
    switch (kind) {
      case "text":
        return encoder.text(textOf(payload));
      case "binary":
        return encoder.send("binary", octets(payload));
      case "close": {
        const [code, reason = ""] = payload;
        return encoder.close(code === undefined ? undefined : { code, reason: textOf(reason) });
      }
      case "frame": {
        const { opcode, fin = true, rsv = 0 } = payload;
        // The frames of the encoder so far come first.
        out.push(encoder.takeOutput());
        out.push(frames.encode({ opcode, fin, rsv, mask: key, len: 0n }, octets(what.payload)));
        return undefined;
      }
      default:
        return encoder[kind](octets(payload));
    }
  }
}

// Sessions: see the head of session.json.
const KEY = [1, 2, 3, 4];
const sentences = new Map(types.errorTable().map(({ code, message }) => [code, message]));

function word(part) {
  return part.startsWith("'") ? Buffer.from(part.slice(1, -1)) : octets(part);
}

function frameOf(first, payload, masked) {
  const header = { opcode: 2, fin: true, rsv: 0, mask: masked ? KEY : undefined, len: 0n };
  const frame = Buffer.from(frames.encode(header, payload));
  frame[0] = first;
  return frame;
}

function scriptOctets(script, masked) {
  const parts = script.match(/<[^>]*>|\S+/g) ?? [];
  return Buffer.concat(
    parts.map((part) => {
      if (!part.startsWith("<")) return word(part);
      const [first, ...words] = part.slice(1, -1).match(/'[^']*'|\S+/g);
      if (first !== "fail") return frameOf(Number.parseInt(first, 16), Buffer.concat(words.map(word)), masked);
      const code = Buffer.alloc(2);
      code.writeUInt16BE(Number(words[0]));
      return frameOf(0x88, Buffer.concat([code, Buffer.from(sentences.get(words[1]))]), masked);
    }),
  );
}

function scriptText(text) {
  const [part, times = "1"] = text.split("*");
  return part.repeat(Number(times));
}

function record({ tag, val }) {
  switch (tag) {
    case "text":
      return { text: val };
    case "piece":
      return { piece: hex(val.payload), type: val.kind, last: val.last };
    case "close":
      return { close: val ? [val.code, val.reason] : [] };
    default:
      return { [tag]: hex(val) };
  }
}

function scriptEvent(event) {
  const out = { ...event };
  for (const name of ["binary", "ping", "pong", "piece"]) {
    if (out[name] !== undefined) out[name] = hex(word(out[name] === "" ? "''" : out[name]));
  }
  if (out.close?.length === 1) out.close = [...out.close, ""];
  return out;
}

/** The end of a message in pieces is told with its last piece, or by an empty one after that. */
function joined(events) {
  const out = [];
  for (const event of events) {
    if (event.piece === "" && out.at(-1)?.last === false) out[out.length - 1] = { ...out.at(-1), last: event.last };
    else out.push(event);
  }
  return out;
}

function sessionOf({ role, options = {} }) {
  const made = sessions.defaultOptions(role);
  if (role === "client") made.mask = { tag: "dangerously-repeated", val: [KEY] };
  for (const [name, value] of Object.entries(options)) {
    if (name === "deflate") {
      const direction = { window: 15, takeover: true };
      const agreed = { send: direction, receive: direction };
      made.deflate = { agreed, options: exported.deflate.defaultOptions() };
    } else if (name === "maxFrame") made.limits.frame = BigInt(value);
    else if (name === "maxMessage") made.limits.message = BigInt(value);
    else if (name === "maxFragments") made.limits.fragments = value;
    else {
      assert.ok(name in made, name);
      made[name] = ["heartbeat", "pongTimeout", "idle"].includes(name) ? BigInt(value) : value;
    }
  }
  return sessions.Session.create(made);
}

function act(session, script, step, bytewise, seen) {
  const receive = (bytes) => {
    let chunk = bytes;
    for (;;) {
      const { events, error, more } = session.receiveEvents(chunk);
      seen.push(...events.map(record));
      if (error) throw error;
      if (!more) return;
      chunk = new Uint8Array();
    }
  };
  if (step.receive !== undefined) {
    const bytes = scriptOctets(step.receive, script.role === "server");
    if (!bytewise || bytes.length === 0) return receive(bytes);
    for (const byte of bytes) receive(Uint8Array.of(byte));
    return undefined;
  }
  const part = (text) => Buffer.from(scriptText(text));
  if (step.text !== undefined) return session.text(scriptText(step.text));
  if (step.binary !== undefined) return session.send("binary", octets(step.binary));
  if (step.begin) return session.begin(step.begin.type, part(step.begin.data));
  if (step.more !== undefined) return session.more(part(step.more));
  if (step.finish !== undefined) return session.finish(part(step.finish));
  if (step.ping !== undefined) return session.ping(part(step.ping));
  if (step.pong !== undefined) return session.pong(part(step.pong));
  if (step.close) return session.close(step.close[0], scriptText(step.close[1] ?? ""));
  if (step.tick !== undefined) return session.tick(BigInt(Math.floor(step.tick)), BigInt(step.unsent ?? 0));
  if (step.reading !== undefined) return session.setReading(step.reading);
  assert.ok(step.end);
  return session.end();
}

for (const script of (await read("session")).sessions) {
  for (const bytewise of script.split === false ? [false] : [false, true]) {
    const session = sessionOf(script);
    script.steps.forEach((step, i) => {
      const about = `${script.name}, bytewise ${bytewise}, step ${i + 1}`;
      const seen = [];
      let code;
      try {
        act(session, script, step, bytewise, seen);
      } catch (error) {
        code = codeOf(error);
        if (code === undefined) throw error;
      }
      assert.equal(code, step.error, about);
      assert.deepEqual(joined(seen), joined((step.events ?? []).map(scriptEvent)), about);
      if (step.state) assert.equal(session.state(), step.state, about);
      if (step.deadline !== undefined) {
        const deadline = session.deadline();
        assert.equal(deadline === undefined ? null : Number(deadline), step.deadline, about);
      }
      if (step.keep) return;
      const out = scriptOctets(step.out ?? "", script.role === "client");
      assert.equal(hex(session.takeOutput()), hex(out), about);
    });
    if (script.outcome) {
      const { code, reason, sent, clean, error } = session.outcome();
      const seen = { code, reason, sent, clean, error: error?.code };
      const { outcome } = script;
      assert.deepEqual(
        seen,
        { code: outcome.code, reason: outcome.reason ?? "", sent: outcome.sent ?? undefined, clean: outcome.clean === true, error: outcome.error },
        script.name,
      );
    }
    session[Symbol.dispose]();
    runs += 1;
  }
}

// The opening handshake.
const { handshake, deflate } = exported;
const latin = (text) => Buffer.from(text, "latin1");
const toSend = (headers = []) => headers.map(([name, value]) => ({ name, value }));

function limitsWith(changes = {}) {
  const limits = types.defaultLimits();
  for (const [name, value] of Object.entries(changes)) {
    limits[name] = typeof limits[name] === "bigint" ? BigInt(value) : value;
  }
  return limits;
}

function handshakeCall(vector) {
  const head = latin(vector.head ?? "");
  const { protocol, extensions = "", headers, allowed, status, reason } = vector;
  switch (vector.call) {
    case "read-request": {
      const request = handshake.readRequest(head, limitsWith(vector.limits));
      if (!request) return null;
      const origin = request.origin ? Buffer.from(request.origin).toString() : null;
      return { ...request, query: request.query ?? null, origin, headers: request.headers.length };
    }
    case "accept":
      return handshake.accept(head, { protocol, extensions, headers: toSend(headers) });
    case "check-origin": {
      const list = { tag: "allowed", val: allowed };
      return handshake.checkOrigin(head, allowed === "same-host" ? { tag: "same-host" } : list);
    }
    case "check-host":
      return handshake.checkHost(head, allowed);
    case "reject":
      return handshake.reject({ status, reason, headers: toSend(headers), body: latin(vector.body ?? "") });
    case "request": {
      const { host, path, protocols = [] } = vector;
      const nonce = Buffer.from(vector.nonce, "hex");
      return handshake.request({ host, path, nonce, protocols, extensions, headers: toSend(headers) });
    }
    default: {
      const request = vector.request === undefined ? undefined : latin(vector.request);
      const response = handshake.readResponse(head, request, limitsWith(vector.limits));
      if (!response) return null;
      return {
        ...response,
        reason: Buffer.from(response.reason).toString(),
        protocol: response.protocol ?? null,
        headers: response.headers.length,
      };
    }
  }
}

/** An error as these vectors have it. */
function short(error) {
  const { code, status, offset } = error.payload ?? error;
  if (code === undefined) throw error;
  const known = { code, status, offset: offset === undefined ? undefined : Number(offset) };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

for (const vector of (await read("handshake")).vectors) {
  let result;
  let error;
  try {
    result = handshakeCall(vector);
  } catch (thrown) {
    error = short(thrown);
  }
  assert.deepEqual(error, vector.error, vector.name);
  if (result instanceof Uint8Array) assert.equal(hex(result), hex(latin(vector.bytes)), vector.name);
  else assert.deepEqual(result ?? null, vector.result ?? null, vector.name);
  runs += 1;
}

// permessage-deflate.
const direction = (changes = {}) => ({ window: 15, takeover: true, ...changes });

function negotiate({ call, value, options = {} }) {
  const wished = { ...deflate.defaultOptions() };
  wished.send = direction(options.send);
  wished.receive = direction(options.receive);
  switch (call) {
    case "offer":
      return { extensions: deflate.offer(wished) };
    case "accept":
      return { accepted: deflate.accept(value, wished) ?? null };
    case "check":
      return { agreed: deflate.check(value, wished) ?? null };
    default:
      return { agreed: deflate.observe(value) ?? null };
  }
}

const deflateVectors = await read("deflate");
for (const vector of deflateVectors.negotiations) {
  let result;
  try {
    result = negotiate(vector);
  } catch (error) {
    result = { error: short(error) };
  }
  const [[name, value]] = Object.entries(result);
  assert.deepEqual(value, vector[name], vector.name);
  runs += 1;
}

for (const vector of deflateVectors.payloads) {
  const inflater = deflate.Decompressor.create(direction(vector.direction), limitsWith(vector.limits));
  const plain = [];
  let error;
  try {
    for (const coded of vector.coded) plain.push(hex(inflater.decompress(Buffer.from(coded, "hex"))));
  } catch (thrown) {
    error = short(thrown);
  }
  assert.deepEqual([plain, error], [vector.plain, vector.error], vector.name);
  inflater[Symbol.dispose]();
  runs += 1;
}

assert.ok(runs > 1000, `${runs}`);
console.log(`${runs} runs`);

/**
 * The one test that runs wherever the package is installed: it takes what an import or a
 * `require` gave, uses nothing of any runtime, and gives the names of what it has tried.
 */

import type * as Package from "wscodec";
import type * as Inspect from "wscodec/inspect";
import type * as Ring from "wscodec/ring";

type Wscodec = typeof Package;

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The properties that a build is expected to have. */
export interface Expected {
  readonly deflate: boolean;
}

export function smoke(w: Wscodec, { deflate }: Expected): string[] {
  const tried: [string, (w: Wscodec) => void][] = [
    ["simd", ({ simd }) => equal(simd(), true)],
    ["decode", decode],
    ["encode", encode],
    ["handshake", handshake],
    ["rejection", refused],
    ["errors", errors],
    ["shared bytes", shared],
    deflate ? ["deflate", deflated] : ["no deflate", absent],
  ];
  for (const [name, run] of tried) {
    try {
      run(w);
    } catch (error) {
      throw new Error(`${name}: ${String((error as Error).stack ?? error)}`);
    }
  }
  return tried.map(([name]) => name);
}

/** The ring has nothing in common with the rest: it is plain JavaScript. */
export function smokeRing({ createRing, RingReader, RingWriter, RingError }: typeof Ring): string[] {
  const ring = createRing(64);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  equal(writer.tryWrite(bytes("48656c6c6f"), 1), true);
  equal(reader.tryNext() && `${reader.kind} ${reader.text()}`, "1 Hello");
  reader.close();
  const error = thrown(() => writer.tryWrite(new Uint8Array(0)));
  equal(error instanceof RingError && error.code, "CLOSED");
  return ["ring"];
}

export function smokeInspect({ ConversationInspector, Inspector }: typeof Inspect): string[] {
  const inspector = new ConversationInspector({ start: "frames", payload: 4 });
  const events = [
    ...inspector.push("c2s", STREAM),
    ...inspector.push("s2c", bytes("81 02 6f6b 88 02 03e8")),
    ...inspector.finish(),
  ];
  inspector.free();
  const messages = events.flatMap((event) =>
    event.type === "message" ? [`${event.dir} ${event.kind} ${event.text ?? event.bytes}`] : [],
  );
  equal(messages.join("; "), "c2s text Hell; c2s binary 1,2; c2s text Grü; s2c text ok");
  const violations = events.filter((event) => event.type === "violation");
  equal(JSON.stringify(violations), "[]");
  const end = events.find((event) => event.type === "end");
  equal(end?.type === "end" && `${end.closedBy} ${end.closeCode} ${end.closeReason}`, "c2s 1000 ok");
  const file = new Inspector();
  file.push(bytes("0a0d0d0a 00000000 00000000"));
  file.finish();
  equal(file.error !== undefined, true);
  file.free();
  equal(thrown(() => new Inspector({ payload: -1 })) instanceof TypeError, true);
  return ["conversation", "file"];
}

/** A masked "Hello", two bytes, a ping within a text in fragments, and a close frame. */
const STREAM = bytes(
  "81 85 37fa213d 7f9f4d5158 82 82 00000000 0102 " +
    "01 83 00000000 4772c3 89 80 00000000 80 83 00000000 bcc39f 88 84 00000000 03e86f6b",
);
const EVENTS = ["text Hello", "binary 1,2", "ping ", "text Grüß", "close 1000 ok"];

function decode({ MessageDecoder, FrameDecoder }: Wscodec): void {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const decoder = new MessageDecoder({ role: "server" });
    const events: string[] = [];
    for (const chunk of [STREAM.subarray(0, cut), STREAM.subarray(cut)]) {
      decoder.push(chunk);
      while (decoder.next()) {
        const { type, closeCode } = decoder;
        if (type === "text") events.push(`text ${decoder.text()}`);
        else if (type === "close") events.push(`close ${closeCode} ${decoder.text()}`);
        else events.push(`${type} ${[...decoder.bytes()]}`);
      }
    }
    decoder.end();
    equal(events.join("|"), EVENTS.join("|"));
    decoder.free();
  }
  const frames = new FrameDecoder({ role: "server" }).push(STREAM);
  equal(Array.from(frames, ({ opcode, fin }) => `${opcode}${fin}`).join(), "1true,2true,1false,9true,0true,8true");
}

function encode({ MessageDecoder, MessageEncoder }: Wscodec): void {
  const encoder = new MessageEncoder({ role: "client", maskKey: () => 0x3d21fa37 });
  equal(hex(encoder.text("Hello").take()), "818537fa213d7f9f4d5158");
  const masked = new MessageEncoder({ role: "client" }).text("x".repeat(70_000)).ping("?").take();
  const decoder = new MessageDecoder({ role: "server" }).push(masked);
  equal(decoder.next() && decoder.text(), "x".repeat(70_000));
  equal(decoder.next() && decoder.type, "ping");
  equal(decoder.next(), false);
}

function handshake({ ClientRequest, UpgradeRequestReader, UpgradeResponseReader, acceptKey }: Wscodec): void {
  equal(acceptKey(KEY), ACCEPT);
  const offer = new ClientRequest({
    host: "example.com",
    path: "/chat",
    key: KEY,
    protocols: ["v2", "v1"],
    headers: { Authorization: "Bearer x" },
  });
  const requests = new UpgradeRequestReader();
  equal(requests.push(offer.bytes.subarray(0, 20)), undefined);
  const request = requests.push(offer.bytes.subarray(20));
  if (request === undefined) throw new Error("the request is whole");
  equal(request.header("authorization"), "Bearer x");
  const answer = request.accept({ protocol: request.selectProtocol(["v1"]) });
  const response = new UpgradeResponseReader(offer).push(answer);
  equal(response?.accepted, true);
  equal(response?.protocol, "v1");
  equal(response?.header("sec-websocket-accept"), ACCEPT);
  // Keys are drawn where none is given.
  equal(new ClientRequest({ host: "a" }).key === new ClientRequest({ host: "a" }).key, false);
}

function refused({ UpgradeRequest, rejection, HandshakeError }: Wscodec): void {
  const error = thrown(() => UpgradeRequest.from({ url: "/", headers: { Host: "a" } }));
  equal(error instanceof HandshakeError, true);
  const text = String.fromCharCode(...rejection(error));
  equal(/^HTTP\/1\.1 4\d\d /.test(text), true);
}

function errors({ MessageDecoder, MessageEncoder, PeerError, LimitError, MisuseError, WscodecError }: Wscodec): void {
  const decoder = new MessageDecoder({ role: "client", maxMessage: 4 });
  decoder.push(bytes("82 01 07 83 00"));
  equal(decoder.next() && decoder.bytes()[0], 7);
  const fault = thrown(() => decoder.next());
  if (!(fault instanceof PeerError)) throw fault;
  equal(fault instanceof WscodecError && fault instanceof Error, true);
  equal(`${fault.name} ${fault.code} ${fault.closeCode} ${fault.offset}`, "PeerError RESERVED_OPCODE 1002 3");
  const large = new MessageDecoder({ role: "client", maxMessage: 4 }).push(bytes("82 05 00"));
  const limit = thrown(() => large.next());
  equal(limit instanceof LimitError && limit.closeCode, 1009);
  const long = thrown(() => new MessageEncoder({ role: "server" }).ping("x".repeat(126)));
  equal(long instanceof MisuseError && long.code, "CONTROL_PAYLOAD_TOO_LONG");
}

function shared({ MessageDecoder, MessageEncoder }: Wscodec): void {
  // Browsers hide the constructor from pages that are not isolated, but not the memory.
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const input = new Uint8Array(memory.buffer, 100, STREAM.length);
  input.set(STREAM);
  const decoder = new MessageDecoder({ role: "server" }).push(input);
  equal(decoder.next() && decoder.text(), "Hello");
  const output = new Uint8Array(memory.buffer, 200, 50);
  const length = new MessageEncoder({ role: "server" }).text("Hello").takeInto(output);
  equal(hex(output.slice(0, length)), "810548656c6c6f");
}

function deflated(w: Wscodec): void {
  const offer = new w.DeflateOffer();
  const accepted = w.acceptDeflate(offer.header);
  const agreed = offer.check(accepted?.header ?? "");
  if (accepted === undefined || agreed === undefined) throw new Error("both sides have it");
  const encoder = new w.MessageEncoder({ role: "client", deflate: agreed });
  const decoder = new w.MessageDecoder({ role: "server", deflate: accepted });
  const text = JSON.stringify({ type: "message", from: "Chloé", of: "x".repeat(200) });
  const lengths: number[] = [];
  for (let i = 0; i < 3; i++) {
    const frame = encoder.text(text).take();
    lengths.push(frame.length);
    decoder.push(frame);
    equal(decoder.next() && decoder.text(), text);
  }
  const [first = 0, , last = first] = lengths;
  equal(first < text.length / 2 && last < first, true);
  // RFC 7692 §7.2.3.2: the second "Hello" refers to the first.
  const rfc = new w.MessageDecoder({ role: "client", deflate: agreed });
  rfc.push(bytes("c1 07 f248cdc9c90700 c1 05 f200110000"));
  equal(Array.from(rfc, () => rfc.text()).join(), "Hello,Hello");
}

function absent({ acceptDeflate, MisuseError }: Wscodec): void {
  const error = thrown(() => acceptDeflate("permessage-deflate"));
  equal(error instanceof MisuseError && error.code, "NO_DEFLATE");
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(" ", "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function equal<T>(is: T, wanted: T): void {
  if (is !== wanted) throw new Error(`${String(is)} is not ${String(wanted)}`);
}

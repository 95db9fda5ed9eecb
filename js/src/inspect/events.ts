/**
 * The events of an inspection. They are the lines of `wscodec inspect --json` as objects; the names
 * are equal to those of the Rust crate `wscodec-inspect`, whose module `json` documents each member.
 */

/** The way that bytes take: from the client to the server, or from the server to the client. */
export type Direction = "c2s" | "s2c";

/** The packet of the last byte that an event is about. */
export interface PacketInfo {
  /** Its number in the capture, from 1. Other sources count their reads or entries. */
  readonly packet: number;
  /** Seconds since 1970; `null` if the source does not say. */
  readonly time: number | null;
}

/** The conversation that an event belongs to. */
export interface ConversationId {
  /** The number of the TCP connection, as Wireshark counts them (`tcp.stream`). */
  readonly stream: number;
  /** The identifier of the HTTP/2 stream; absent without HTTP/2. */
  readonly substream?: number;
}

/** Where something is. */
export interface Location extends ConversationId, PacketInfo {
  readonly dir: Direction;
  /** Bytes from the beginning of the direction. */
  readonly offset: number;
}

/** A payload, as far as it was kept; see {@link InspectOptions.payload}. */
export interface CapturedPayload {
  /** The payload, if it is text and UTF-8. Bytes that are not known are U+FFFD. */
  readonly text?: string;
  /** The payload, if it is not text or not UTF-8. Bytes that are not known are 0. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** The payload with escapes, if it is text and not UTF-8. */
  readonly escaped?: string;
  /** More bytes follow. */
  readonly cut?: true;
  /** Ranges of bytes that are not known, as pairs of a begin and an end. */
  readonly unknown?: readonly (readonly [number, number])[];
}

/** A connection with one WebSocket on it. It is reported before its other events. */
export interface Conversation extends ConversationId, PacketInfo {
  readonly type: "conversation";
  /** The address and port of the client, and of the server, if the source says. */
  readonly client: string | null;
  readonly server: string | null;
  /** Whether the capture has its beginning. */
  readonly fromStart: boolean;
  /** Whether its bytes were encrypted by TLS. */
  readonly tls: boolean;
}

/** The head of a request or of a response. */
export interface CapturedHead extends PacketInfo {
  /** The start line. */
  readonly line: string;
  /** Names and values in their order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly offset: number;
}

/** An opening handshake (RFC 6455 §4; over HTTP/2, RFC 8441). */
export interface CapturedHandshake extends ConversationId, PacketInfo {
  readonly type: "handshake";
  /** Whether frames follow. */
  readonly accepted: boolean;
  readonly status: number | null;
  /** The statuses of the interim responses (100–199) in front of the final one. */
  readonly interim: readonly number[];
  readonly method: string | null;
  readonly target: string | null;
  readonly host: string | null;
  /** The subprotocol that the server chose. */
  readonly protocol: string | null;
  /** The extensions that the server accepted, as it wrote them. */
  readonly extensions: string | null;
  /** The agreement on permessage-deflate (RFC 7692 §7.1). */
  readonly deflate: {
    readonly serverNoContextTakeover: boolean;
    readonly clientNoContextTakeover: boolean;
    readonly serverMaxWindowBits: number;
    readonly clientMaxWindowBits: number;
  } | null;
  readonly request: CapturedHead | null;
  readonly response: CapturedHead | null;
  /** The codes of the rules that it breaks; a {@link Violation} for each follows. */
  readonly violations?: readonly string[];
}

/** A frame (RFC 6455 §5.2). */
export interface CapturedFrame extends Location, CapturedPayload {
  readonly type: "frame";
  readonly opcode: number;
  /** `"text"`, `"binary"`, `"continuation"`, `"close"`, `"ping"`, `"pong"` or `"reserved"`. */
  readonly name: string;
  readonly fin: boolean;
  /** The reserved bits; RSV1 is 4. */
  readonly rsv: number;
  readonly masked: boolean;
  /** The mask key, in hexadecimal. */
  readonly mask?: string;
  /** Bytes of payload on the wire. */
  readonly length: number;
  /** Bytes of payload that the capture has, if they are fewer. */
  readonly captured?: number;
  /** Bytes that came out of a frame of a compressed message. */
  readonly inflated?: number;
  /** The packet and time of its first byte, if that came in another packet. */
  readonly firstPacket?: number;
  readonly firstTime?: number | null;
  /** The code of a close frame; `null` if it has none. */
  readonly closeCode?: number | null;
  readonly reason?: string;
  /** Its sender had sent a close frame before it. */
  readonly afterClose?: true;
  /** The codes of the rules that it breaks; a {@link Violation} for each follows. */
  readonly violations?: readonly string[];
}

/** A message (RFC 6455 §5.6). */
export interface CapturedMessage extends Location, CapturedPayload {
  readonly type: "message";
  /** `null` if its first frame is not in the capture. */
  readonly kind: "text" | "binary" | null;
  /** Bytes of payload in its frames. */
  readonly length: number;
  readonly frames: number;
  readonly compressed: boolean;
  /** Bytes that came out, if it was inflated. */
  readonly inflated?: number;
  /** Whether its last frame is in the capture. */
  readonly finished: boolean;
  readonly firstPacket?: number;
  readonly firstTime?: number | null;
}

/** A rule that was broken. */
export interface Violation extends Location {
  readonly type: "violation";
  /** The stable name, as of the errors of this package. */
  readonly code: string;
  readonly message: string;
  readonly found: string;
  readonly expected: string;
  /** Such as `"RFC 6455 §5.1"`. */
  readonly section: string;
  readonly closeCode: number | null;
  /** The offset of its frame, if it lies in one. */
  readonly frame: number | null;
}

/** A fact that is nobody's fault. */
export interface Note extends Location {
  readonly type: "note";
  readonly code: string;
  readonly message: string;
  readonly length?: number;
  readonly serverName?: string | null;
  readonly alpn?: string | null;
  readonly client?: string | null;
  readonly server?: string | null;
  readonly target?: string;
}

/** Sums of one direction. */
export interface Totals {
  readonly bytes: number;
  readonly frames: number;
  readonly messages: number;
  readonly text: number;
  readonly binary: number;
  readonly compressed: number;
  /** Bytes of payload in data frames, in control frames, and after inflating. */
  readonly data: number;
  readonly control: number;
  readonly inflated: number;
  readonly violations: number;
  /** Bytes that the capture does not have. */
  readonly missing: number;
}

/** The end of a conversation. */
export interface ConversationEnd extends ConversationId, PacketInfo {
  readonly type: "end";
  readonly ending: "fin" | "reset" | "open" | "dropped";
  /** The direction of the side that ended the connection. */
  readonly by: Direction | null;
  /** The direction of the first close frame, with its code and reason. */
  readonly closedBy: Direction | null;
  readonly closeCode: number | null;
  readonly closeReason: string | null;
  /** In seconds. */
  readonly duration: number | null;
  readonly c2s: Totals;
  readonly s2c: Totals;
}

/** An event of an inspection; `type` says which. */
export type InspectEvent =
  | Conversation
  | CapturedHandshake
  | CapturedFrame
  | CapturedMessage
  | Violation
  | Note
  | ConversationEnd;

/** A line of the module as it is: payloads that are not text are hexadecimal. */
type Parsed = { hex?: string; bytes?: Uint8Array<ArrayBuffer> };

/** The events in JSON lines. */
/** @internal */
export function eventsOf(lines: string): InspectEvent[] {
  if (lines === "") return [];
  // One call for all lines is faster than one for each.
  const parsed = JSON.parse(`[${lines.trimEnd().replaceAll("}\n{", "},\n{")}]`) as Parsed[];
  for (const event of parsed) {
    if (event.hex === undefined) continue;
    event.bytes = bytesOf(event.hex);
    delete event.hex;
  }
  return parsed as unknown as InspectEvent[];
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** The value of a lower-case hexadecimal digit. */
function digit(code: number): number {
  return code < 0x40 ? code - 0x30 : code - 0x57;
}

/** What sessions of the same options have in common, and what they use in turn. */

import { Encoder } from "../message/encoder.ts";
import { MessageDecoder } from "../message/messages.ts";
import { backlogOf, type SessionOptions, timesOf } from "./options.ts";
import type { Times } from "./timers.ts";

/** How many decoders and encoders wait for the next session, of each. */
const SPARE = 16;

/** How many kits are remembered. */
const KITS = 32;

/** All that tells kits apart. */
const TELLING = [
  "role",
  "maxFrame",
  "maxMessage",
  "maxFragments",
  "rsv",
  "pieces",
  "dangerouslyAcceptUnmasked",
  "autoPong",
  "autoClose",
  "backlog",
  "closeTimeout",
  "heartbeat",
  "pongTimeout",
  "idle",
] as const satisfies readonly (keyof SessionOptions)[];

/**
 * A session between two messages needs no decoder and no encoder, unless compression
 * looks back; a thousand idle ones would hold a thousand of each.
 */
export class Kit {
  readonly times: Times;
  readonly backlog: number;
  readonly autoPong: boolean;
  readonly autoClose: boolean;
  readonly #options: SessionOptions;
  readonly #decoders: MessageDecoder[] = [];
  readonly #encoders: Encoder[] = [];

  constructor(options: SessionOptions) {
    this.times = timesOf(options);
    this.backlog = backlogOf(options);
    this.autoPong = options.autoPong ?? true;
    this.autoClose = options.autoClose ?? true;
    this.#options = { ...options, deflate: undefined, maskKey: undefined, offset: 0 };
    // What is wrong with the options is to be said when the first session is made.
    this.#decoders.push(new MessageDecoder(this.#options));
  }

  isFor(options: SessionOptions): boolean {
    const own = this.#options;
    for (const key of TELLING) if (own[key] !== options[key]) return false;
    return true;
  }

  /** A decoder for a stream that is at this offset. */
  decoder(offset: number): MessageDecoder {
    const decoder = this.#decoders.pop() ?? new MessageDecoder(this.#options);
    decoder.begin(offset);
    return decoder;
  }

  /** Takes a decoder back that is settled. */
  returnDecoder(decoder: MessageDecoder): void {
    if (this.#decoders.length < SPARE) this.#decoders.push(decoder);
    else decoder.free();
  }

  encoder(): Encoder {
    return this.#encoders.pop() ?? new Encoder(this.#options);
  }

  /** Takes an encoder back that is idle. */
  returnEncoder(encoder: Encoder): void {
    if (this.#encoders.length < SPARE) this.#encoders.push(encoder);
  }
}

const kits = new Map<string, Kit>();
let last: Kit | undefined;

/** The kit for these options. */
export function kitFor(options: SessionOptions): Kit {
  // Nearly always those of the session before; a name takes longer to make.
  if (last !== undefined && last.isFor(options)) return last;
  const name = TELLING.map((key) => String(options[key])).join(" ");
  let kit = kits.get(name);
  if (kit === undefined) {
    kit = new Kit(options);
    if (kits.size === KITS) kits.clear();
    kits.set(name, kit);
  }
  last = kit;
  return kit;
}

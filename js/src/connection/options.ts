/** The options of the adapters: their checks, and the part of them that each layer gets. */

import type { HandshakeLimits } from "../handshake/options.ts";
import {
  callable,
  type Check,
  type Checks,
  checkOptions,
  isUnchanged,
  flag,
  integerFrom,
  milliseconds,
  pick,
} from "../options/check.ts";
import {
  clientSessionChecks,
  connectChecks,
  handshakeChecks,
  limitChecks,
  policyChecks,
  sessionChecks,
} from "../options/tables.ts";
import type { ConnectOptions } from "../session/connect.ts";
import type { InPieces, SessionBehavior } from "../session/options.ts";
import type { Policy, SessionLimits } from "../session/upgrade.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "./handlers.ts";

const handlerChecks = {
  open: callable,
  message: callable,
  piece: callable,
  ping: callable,
  pong: callable,
  drain: callable,
  peerClose: callable,
  close: callable,
} satisfies Checks<Handlers<any>>;

const connectionChecks = {
  ...sessionChecks,
  ...limitChecks,
  ...handshakeChecks,
  handshakeTimeout: milliseconds,
  maxBuffered: integerFrom(0),
  maxMemory: integerFrom(0),
  pauseReadingWhenFull: flag,
  lend: flag,
} satisfies Checks<ConnectionOptions>;

/** The checks of a server's options; an adapter adds its own. */
export const serverChecks = {
  ...connectionChecks,
  ...policyChecks,
  ...handlerChecks,
  upgrade: callable,
} satisfies Checks<ServerOptions<any>>;

const { path: _, ...asked } = connectChecks;

/** The checks of a client's options; an adapter adds its own. */
export const clientChecks = {
  ...connectionChecks,
  ...clientSessionChecks,
  ...asked,
  ...handlerChecks,
} satisfies Checks<
  Omit<ConnectOptions, "path"> & ConnectionOptions & Handlers<any> & Pick<ClientOptions, "maskKey">
>;

interface ClientOptions {
  readonly maskKey?: (() => number) | undefined;
}

/** The options that a session gets. */
const forSession = { ...clientSessionChecks, pieces: flag } satisfies Checks<
  SessionBehavior & SessionLimits & InPieces & ClientOptions
>;

/** A connection as the end of a server needs it. */
interface Member {
  /** Whether no message is received in part. */
  quiet(): boolean;
  goAway(code: number, reason: string): void;
}

/** The options of a server or of a client's connection, checked, and what they mean. */
export class Plan {
  /** The object that the program gave. Handlers are called on it. */
  readonly options: ConnectionOptions & Handlers<any> & Pick<ServerOptions<any>, "upgrade">;
  readonly session: SessionBehavior & SessionLimits & InPieces & ClientOptions;
  readonly limits: HandshakeLimits;
  readonly policy: Policy;
  /** A client's request. */
  readonly asked: Partial<Omit<ConnectOptions, "path">>;
  readonly handshakeTimeout: number;
  readonly closeTimeout: number;
  readonly maxBuffered: number;
  readonly maxMemory: number;
  readonly pauses: boolean;
  /** The connections that there are by this plan. */
  connections = new Set<Member>();
  /** Whether requests are rejected with 503, because the server is to end. */
  ending = false;

  /** The options as they were when this was made. */
  readonly #before: object;

  constructor(options: ConnectionOptions & Handlers<any>) {
    this.options = options;
    this.#before = { ...options };
    const session = pick<Plan["session"]>(options, forSession);
    // A handler for pieces is what has a session show them.
    this.session = options.piece === undefined ? session : { ...session, pieces: true };
    this.limits = pick(options, handshakeChecks);
    this.policy = pick(options, policyChecks);
    this.asked = pick(options, asked);
    this.handshakeTimeout = options.handshakeTimeout ?? 10_000;
    this.closeTimeout = options.closeTimeout ?? 10_000;
    this.maxBuffered = options.maxBuffered ?? 64 * 2 ** 20;
    this.maxMemory = options.maxMemory ?? 2 ** 30;
    this.pauses = options.pauseReadingWhenFull ?? false;
  }

  /** Whether the options have not changed since. */
  isFor(options: object): boolean {
    return options === this.options && isUnchanged(options, this.#before);
  }
}

const plans = new WeakMap<object, Plan>();

/** The plan of options that were given to {@link planFor} before. */
export function knownPlan(options: object): Plan | undefined {
  return plans.get(options);
}

/**
 * Checks options and makes a plan for them. Each server has a plan of its own, also if several
 * are made of the same options: the end of one is not the end of the others.
 *
 * @throws TypeError or RangeError with the name of the option that is wrong
 */
export function newPlan(
  entry: string,
  options: ConnectionOptions & Handlers<any>,
  checks: Readonly<Record<string, Check>>,
): Plan {
  checkOptions(entry, options, checks);
  const { autoClose, autoPong, peerClose, ping } = options;
  // Without the handler nobody would answer, and the program would not learn of it.
  if (autoClose === false && peerClose === undefined) {
    throw new TypeError(`${entry}: autoClose: false needs the handler peerClose, which calls ws.close()`);
  }
  if (autoPong === false && ping === undefined) {
    throw new TypeError(`${entry}: autoPong: false needs the handler ping, which calls ws.pong(data)`);
  }
  return new Plan(options);
}

/**
 * The plan of a program that gives the same options for each connection: it is made when they are
 * given first, and again when they have changed.
 *
 * @throws as {@link newPlan}
 */
export function planFor(
  entry: string,
  options: ConnectionOptions & Handlers<any>,
  checks: Readonly<Record<string, Check>>,
): Plan {
  const known = plans.get(options);
  if (known?.isFor(options)) return known;
  const plan = newPlan(entry, options, checks);
  if (known !== undefined) {
    plan.connections = known.connections;
    plan.ending = known.ending;
  }
  plans.set(options, plan);
  return plan;
}

/**
 * What is due when. Nothing here reads a clock: times are those that the caller
 * names, in milliseconds since any moment it likes.
 */

/** What a look at the clock asks for. */
export type Due = "nothing" | "ping" | "no pong" | "idle" | "no close";

/** How long is waited for what, in milliseconds; never, if it is undefined. */
export interface Times {
  readonly heartbeat: number | undefined;
  readonly pongTimeout: number;
  readonly idle: number | undefined;
  readonly closeTimeout: number;
}

/**
 * Deadlines that are set when the clock is looked at, not when something comes:
 * what comes only leaves a mark.
 */
export class Timers {
  /** Something came since the clock was looked at. */
  heard = false;
  /** Part of a message came. */
  busy = false;
  /** A ping was sent for the heartbeat, and nothing came since. */
  #waiting = false;
  readonly #times: Times;
  #beatAt: number | undefined;
  #idleAt: number | undefined;
  #closeAt: number | undefined;

  constructor(times: Times) {
    this.#times = times;
  }

  /** Whether it matters that messages come. */
  get idles(): boolean {
    return this.#times.idle !== undefined;
  }

  /** When {@link look} has something to do; 0 is at once. */
  deadline(closing: boolean): number | undefined {
    if (closing) return this.#closeAt ?? 0;
    const beat = this.#times.heartbeat === undefined ? undefined : (this.#beatAt ?? 0);
    const idle = this.#times.idle === undefined ? undefined : (this.#idleAt ?? 0);
    if (beat === undefined || idle === undefined) return beat ?? idle;
    return Math.min(beat, idle);
  }

  /** Starts the time that the peer has to close. */
  closing(): void {
    this.#closeAt = undefined;
  }

  look(now: number, closing: boolean): Due {
    const { heard, busy } = this;
    this.heard = this.busy = false;
    if (closing) {
      if (this.#closeAt !== undefined) return now >= this.#closeAt ? "no close" : "nothing";
      this.#closeAt = now + this.#times.closeTimeout;
      return "nothing";
    }
    if (this.#times.idle !== undefined) {
      if (this.#idleAt === undefined || busy) this.#idleAt = now + this.#times.idle;
      else if (now >= this.#idleAt) return "idle";
    }
    if (this.#times.heartbeat === undefined) return "nothing";
    if (this.#beatAt === undefined || heard) {
      this.#waiting = false;
      this.#beatAt = now + this.#times.heartbeat;
      return "nothing";
    }
    if (now < this.#beatAt) return "nothing";
    if (this.#waiting) return "no pong";
    this.#waiting = true;
    this.#beatAt = now + this.#times.pongTimeout;
    return "ping";
  }
}

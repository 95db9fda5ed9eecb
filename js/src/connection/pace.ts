/**
 * Tells a session's timers how its bytes leave (the rule is in the documentation of the session):
 * a deadline starts when the bytes that it is about have left, progress moves it, and a side that
 * does not read itself can't blame its peer for silence.
 *
 * A session that has `sent` and `setReading` keeps the rule by itself. For a session without
 * them, its clock is stopped for the time in which there was progress or nothing was read; while a
 * close is waited for, for at most ten times the close timeout.
 */

import type { Session } from "../session/session.ts";

/** The part of a session's interface that not every session has yet. */
interface Paced {
  sent?(bytes: number): void;
  setReading?(on: boolean): void;
  tick(now: number, unsent?: number): void;
  readonly deadline: number | undefined;
  readonly state: string;
}

/** The pace of one connection. There is one from the first deadline on. */
export class Pace {
  readonly #closeTimeout: number;
  /** How much of the output had left at the last look, and how much had not. */
  #left = 0;
  #unsent = 0;
  #looked: number | undefined;
  /** For how long the session's clock was stopped, in all and since the close frame. */
  #stopped = 0;
  #stoppedClosing = 0;
  /** Whether this side did not read, at some time since the last look. */
  #deaf = false;
  /** Whether something was received since the last look. */
  heard = false;

  constructor(closeTimeout: number) {
    this.#closeTimeout = closeTimeout;
  }

  /** When the session wants to look at the clock, by `performance.now()`. */
  due(session: Session): number | undefined {
    const { deadline } = session;
    return deadline === undefined || deadline === 0 ? deadline : deadline + this.#stopped;
  }

  /** This side stops reading, or goes on. */
  reading(session: Session, on: boolean): void {
    if (!on) this.#deaf = true;
    (session as unknown as Paced).setReading?.(on);
  }

  /**
   * Looks at the clock. `left` bytes of the session's output have left so far, `unsent` have not.
   *
   * @throws as `Session.tick`
   */
  tick(session: Session, now: number, left: number, unsent: number, reading: boolean): void {
    const paced = session as unknown as Paced;
    const progress = this.#unsent > 0 && left > this.#left;
    const { heard } = this;
    const silent = this.#deaf;
    this.#deaf = !reading;
    const before = this.#looked ?? now;
    const advance = left - this.#left;
    [this.#left, this.#unsent, this.#looked, this.heard] = [left, unsent, now, false];
    if (paced.sent !== undefined) {
      if (advance > 0) paced.sent(advance);
      paced.tick(now, unsent);
      return;
    }
    const closing = paced.state === "closing";
    if (progress || (closing ? heard : silent)) {
      const room = closing ? 10 * this.#closeTimeout - this.#stoppedClosing : Infinity;
      const stopped = Math.min(now - before, Math.max(0, room));
      this.#stopped += stopped;
      if (closing) this.#stoppedClosing += stopped;
    }
    paced.tick(now - this.#stopped);
  }
}

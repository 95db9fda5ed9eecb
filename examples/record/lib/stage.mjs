// What one recording needs: servers, a tap, other processes, and their end.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const HOST = "127.0.0.1";

export class Stage {
  #tap;
  #prefix;
  #cleanups = [];
  #onTap = null;

  /** `tap` is the tap's program, `prefix` where it writes. */
  constructor(tap, prefix) {
    this.#tap = tap;
    this.#prefix = prefix;
  }

  /** Runs `cleanup` at the end, whatever the end is. */
  defer(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** Lets a Node server listen on a free port of loopback; the port. */
  async listen(server) {
    server.listen(0, HOST);
    await once(server, "listening");
    this.defer(() => {
      server.closeAllConnections?.();
      server.close();
    });
    return server.address().port;
  }

  /** Starts a program in a process group of its own, which `clean` kills. */
  start(program, args, options = {}) {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...options,
    });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.ended = once(child, "close").then(([status]) => {
      if (status === 0) return;
      throw new Error(`${program} ended with ${status ?? "a signal"}: ${errors.trim()}`);
    });
    // Whoever waits for the end sees the fault; nobody has to wait.
    child.ended.catch(() => {});
    child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.defer(async () => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
      await child.ended.catch(() => {});
    });
    return child;
  }

  /** The next line a program of `start` prints. */
  async line(child) {
    const { value, done } = await child.lines.next();
    if (!done) return value;
    await child.ended;
    throw new Error("the program ended before it said what was waited for");
  }

  /** Puts the tap in front of a port of loopback; the port to connect to instead. */
  async tap(port) {
    const args = ["--connections", "1", `${HOST}:0`, `${HOST}:${port}`, this.#prefix];
    this.#onTap = this.start(this.#tap, args);
    return Number((await this.line(this.#onTap)).split(":")[1]);
  }

  /** Waits until the tap has seen the end of the connection. */
  async recorded() {
    await this.#onTap.ended;
  }

  /** Ends all that was started, last first. */
  async clean() {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

// Processes: started in groups of their own, and ended whatever happens.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

export const HOST = "127.0.0.1";
const LIMIT_MS = 60_000;

export class Stage {
  #children = new Set();

  /** Starts a program; `lines` are those of its standard output, `errors()` is all of the other. */
  start(program, args, options = {}) {
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], ...options });
    this.#children.add(child);
    let errors = "";
    child.stderr?.on("data", (chunk) => (errors += chunk));
    child.errors = () => errors;
    child.ended = once(child, "close").then(([status]) => status);
    child.on("error", () => {});
    child.ended.catch(() => {});
    child.stdin?.on("error", () => {});
    if (child.stdout !== null) {
      child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    }
    return child;
  }

  /** The next line of its output that begins so; fails when it ends before. */
  async line(child, start = "") {
    for (;;) {
      const { value, done } = await within(child.lines.next());
      if (done) throw new Error(`it ended early: ${await child.ended} ${child.errors().trim()}`);
      if (value.startsWith(start)) return value;
    }
  }

  /** Waits for its end, which must be a good one. */
  async end(child, wanted = 0) {
    const status = await within(child.ended);
    if (status !== wanted) throw new Error(`it ended with ${status}: ${child.errors().trim()}`);
  }

  async clean() {
    for (const child of this.#children) {
      if (child.pid === undefined) continue;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
      await child.ended.catch(() => {});
    }
    this.#children.clear();
  }
}

export function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("it takes too long")), LIMIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until somebody listens there. */
export async function listens(port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, HOST);
    const reached = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (reached) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}

// Headless Chromium: found, started and stopped; and driven by the DevTools protocol.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

const OPTIONS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
  "--remote-debugging-port=0",
];

/** Chromium or Chrome, if there is one. */
export function chromium() {
  const named = process.env.CHROMIUM;
  if (named) return named;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Starts Chromium with a page and a profile of its own. */
export function launch(program, url) {
  const profile = mkdtempSync(join(tmpdir(), "wscodec-chromium-"));
  // A group of its own: Chromium is many processes.
  const child = spawn(program, [...OPTIONS, `--user-data-dir=${profile}`, url], {
    detached: process.platform !== "win32",
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = once(child, "exit");
  return {
    ended,
    said: () => said,
    /** The address of the DevTools protocol. */
    async devtools() {
      for (;;) {
        const found = /DevTools listening on (ws:\S+)/.exec(said);
        if (found) return found[1];
        await Promise.race([once(child.stderr, "data"), ended]);
        if (child.exitCode !== null) throw new Error(`Chromium ended early:\n${said}`);
      }
    },
    async close() {
      stop(child);
      await ended.catch(() => {});
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

function stop(child) {
  try {
    if (process.platform === "win32") child.kill();
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** Milliseconds after which a call or a wait has failed. */
const LIMIT = 60_000;

/** A page that is driven: `evaluate`, `press`, `click`, `screenshot` and the calls of the protocol. */
export class Driven {
  #socket;
  #session;
  #target;
  #next = 1;
  #calls = new Map();
  #loaded = () => {};
  /** Errors of the page: exceptions, and what its security policy refused. */
  errors = [];

  /** Opens a page; `tools` is the folder with npm ws. */
  static async open(browser, tools, url) {
    const { default: WebSocket } = await import(pathToFileURL(join(tools, "ws/wrapper.mjs")).href);
    const driven = new Driven();
    const socket = new WebSocket(await browser.devtools(), { maxPayload: 2 ** 30 });
    driven.#socket = socket;
    socket.on("message", (data) => driven.#take(JSON.parse(data)));
    await once(socket, "open");
    const { targetId } = await driven.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await driven.call("Target.attachToTarget", { targetId, flatten: true });
    driven.#session = sessionId;
    driven.#target = targetId;
    for (const domain of ["Page", "Runtime", "DOM", "Log"]) await driven.call(`${domain}.enable`);
    await driven.goto(url);
    return driven;
  }

  #take(message) {
    const { id, method, params } = message;
    if (method === "Page.loadEventFired") this.#loaded();
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = params.exceptionDetails;
      this.errors.push(exception?.description ?? text);
    } else if (method === "Log.entryAdded" && params.entry.level === "error") {
      this.errors.push(params.entry.text);
    }
    const waiting = this.#calls.get(id);
    if (!waiting) return;
    this.#calls.delete(id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting.resolve(message.result);
  }

  /** A call of the protocol. */
  call(method, params = {}) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${method} has no answer`));
      this.#calls.set(id, { method, resolve, reject, timer: setTimeout(late, LIMIT) });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    });
  }

  async goto(url) {
    const loaded = new Promise((resolve) => (this.#loaded = resolve));
    await this.call("Page.navigate", { url });
    await loaded;
  }

  /** Closes the page. */
  async close() {
    await this.call("Target.closeTarget", { targetId: this.#target });
    this.#socket.close();
  }

  /** The value of an expression, which may be a promise. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    }
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, limit = LIMIT) {
    const end = Date.now() + limit;
    for (;;) {
      if (await this.evaluate(`Boolean(${expression})`).catch(() => false)) return;
      if (Date.now() > end) throw new Error(`it did not come true: ${expression}\n${this.errors.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async key(key, modifiers = 0) {
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    const codes = { Enter: 13, Escape: 27, Home: 36, End: 35, PageUp: 33, PageDown: 34, ArrowUp: 38, ArrowDown: 40 };
    const event = { key, modifiers, text, windowsVirtualKeyCode: codes[key] };
    await this.call("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async type(text) {
    await this.call("Input.insertText", { text });
  }

  /** The middle of the first element that a selector finds. */
  async place(selector) {
    return this.evaluate(`(() => {
      const { x, y, width, height } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2, width, height };
    })()`);
  }

  async click(selector) {
    const { x, y } = await this.place(selector);
    const event = { x, y, button: "left", clickCount: 1 };
    await this.call("Input.dispatchMouseEvent", { type: "mousePressed", ...event });
    await this.call("Input.dispatchMouseEvent", { type: "mouseReleased", ...event });
  }

  /** Moves the pointer from one place to another with the button down. */
  async drag(from, to) {
    await this.call("Input.dispatchMouseEvent", { type: "mousePressed", ...from, button: "left", clickCount: 1 });
    for (const part of [0.3, 0.6, 1]) {
      const x = from.x + part * (to.x - from.x);
      const y = from.y + part * (to.y - from.y);
      await this.call("Input.dispatchMouseEvent", { type: "mouseMoved", x, y, button: "left", buttons: 1 });
    }
    await this.call("Input.dispatchMouseEvent", { type: "mouseReleased", ...to, button: "left" });
  }

  /** Drops files of this machine on the page. */
  async drop(files) {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.call("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    }
  }

  async screenshot() {
    const { data } = await this.call("Page.captureScreenshot", { format: "png" });
    return Buffer.from(data, "base64");
  }

  async size(width, height) {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** Lets the system prefer `light` or `dark`. */
  async prefer(theme) {
    const features = [{ name: "prefers-color-scheme", value: theme }];
    await this.call("Emulation.setEmulatedMedia", { features });
  }
}

/** The worker: answers the calls of the page. */

import type { Answer, Call, Calls, Result, State } from "../protocol.ts";
import { Capture } from "./capture.ts";
import { exportOf } from "./exports.ts";
import { loadModule } from "./module.ts";

/** The global of a dedicated worker, of which the types of a page know nothing. */
const scope = self as unknown as {
  postMessage(message: Answer | State, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Call>) => void) | null;
};

let loaded: Promise<void> | undefined;
let capture: Capture | undefined;
let inputs = 0;

function open(): Capture {
  if (capture === undefined) throw new Error("no file is open");
  return capture;
}

type Handlers = { [K in keyof Calls]: (...args: Parameters<Calls[K]>) => Result<K> | Promise<Result<K>> };

const handlers: Handlers = {
  load: (module) => (loaded = loadModule(module)),
  async open(files, keys) {
    await loaded;
    const next = new Capture(files, keys, ++inputs, (state) => scope.postMessage(state, []));
    await next.begin();
    capture?.close();
    capture = next;
    const done = next.read();
    // The page goes on while the files are read; an error of the module itself ends the reading.
    done.catch((error: unknown) => setTimeout(() => { throw error; }));
  },
  append: (bytes) => open().sources[0]?.append(bytes),
  ended: () => open().sources[0]?.end(),
  select: (selection) => open().select(selection),
  range: (range) => open().range(range),
  rows: (from, to) => open().rows(from, to),
  connections: (from, to) => open().connections(from, to),
  position: (row) => open().position(row),
  connectionOf: (row) => open().connectionOf(row),
  detail: (row, most) => open().detail(row, most),
  whole: (row) => open().whole(row),
  histogram: (count, range) => open().histogram(count, range),
  figures: () => open().figures(),
  export: (form, selection, range, redact) => exportOf(open(), form, selection, range, redact),
};

async function answer({ id, name, args }: Call): Promise<void> {
  try {
    const handler = handlers[name] as (...args: unknown[]) => unknown;
    scope.postMessage({ id, result: await handler(...args) }, []);
  } catch (error) {
    const sentence = typeof error === "string" ? error : (error as Error).message;
    scope.postMessage({ id, error: sentence }, []);
  }
}

scope.onmessage = ({ data }) => void answer(data);

/** Calls of the worker, as promises. */

import type { Answer, Call, Calls, Result, State } from "../protocol.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The worker, from the page. */
export class Client {
  #worker: Worker;
  #calls = new Map<number, Waiting>();
  #next = 0;
  /** Called with each state that the worker reports. */
  onState: (state: State) => void = () => {};
  /** Called with the reason if the worker can't go on. */
  onFailure: (why: string) => void = () => {};

  /** Starts a worker with this source. */
  constructor(source: string) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.#worker = new Worker(url, { name: "wscodec" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | State>) => this.#take(data);
    this.#worker.onerror = ({ message }) => this.onFailure(message);
  }

  /** Calls the worker. The promise is rejected with a sentence for the user. */
  call<K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>): Promise<Result<K>> {
    const id = this.#next++;
    const call: Call<K> = { id, name, args };
    this.#worker.postMessage(call);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  #take(message: Answer | State): void {
    if ("state" in message) return this.onState(message);
    const waiting = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.error !== undefined) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result);
  }
}

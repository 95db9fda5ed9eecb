// Versions of the peers, for the notes.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

let chromium;

/** What `peer` ("ws client", "Deno server", …) is, with its version. */
export function versionOf(peer) {
  const [name] = peer.split(" ");
  switch (name) {
    case "ws":
    case "undici":
      return `npm ${name} ${require(`${name}/package.json`).version}, Node ${process.versions.node}`;
    case "node:http":
      return `Node ${process.versions.node}`;
    case "Deno":
    case "Bun":
      return `npm ${name.toLowerCase()} ${require(`${name.toLowerCase()}/package.json`).version}`;
    case "Chromium":
      chromium ??= execFileSync("chromium", ["--version"], { stdio: ["ignore", "pipe", "ignore"] })
        .toString()
        .match(/[\d.]+/)[0];
      return chromium;
    default:
      throw new Error(`no version known of ${peer}`);
  }
}

// Writes src/error/codes.ts: the codes of all errors as unions of literals, from the tables of the
// Rust crate, which the wasm module has. The file is committed; a build that changes it shows that
// an error was added, renamed or removed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { js, put, src } from "./files.mjs";

/** Misuse that only JavaScript can report. */
const OWN = [
  "FREED",
  "HEAD_COMPLETE",
  "HEAD_INCOMPLETE",
  "INVALID_KEY",
  "NO_DEFLATE",
  "NOT_ON_A_ROW",
  "SOCKET_CLOSED",
  "SOCKET_IN_USE",
  "STALE",
  "UNREAD",
];

const generated = join(js, "generated");
const glue = await import(pathToFileURL(join(generated, "wscodec.js")).href);
const { memory } = glue.initSync({ module: readFileSync(join(generated, "wscodec.wasm")) });

const groups = new Map();
for (let i = 0, at = glue.errors(0); at !== 0; at = glue.errors(++i)) {
  const text = new TextDecoder().decode(new Uint8Array(memory.buffer, at, glue.errors_len(i)));
  const [group, ...lines] = text.trimEnd().split("\n");
  groups.set(group, lines.map((line) => line.split("\t")[0]));
}
groups.get("MisuseError").push(...OWN.filter((code) => !groups.get("MisuseError").includes(code)));

const unions = [...groups].map(
  ([group, codes]) =>
    `/** The codes of a {@link ${group}}. */\nexport type ${group}Code =\n` +
    `${codes.map((code) => `  | "${code}"`).join("\n")};\n`,
);
const names = [...groups.keys()];
put(
  join(src, "error/codes.ts"),
  `/** The codes of all errors. js/build/codes.mjs writes this file from the tables of the Rust crate. */

${unions.join("\n")}
/** The group of an error, which is the name of its class. */
export type ErrorGroup = ${names.map((name) => `"${name}"`).join(" | ")} | "WscodecError";

/**
 * The stable name of what is wrong, equal in every language. An error of no group has
 * \`"TERMINATED"\`: this side dropped the connection.
 */
export type ErrorCode = ${names.map((name) => `${name}Code`).join(" | ")} | "TERMINATED";
`,
);

/** What the command line asks for. */

import { parseArgs } from "node:util";

/** The way that bytes go: from client to server, or from server to client. */
export type Direction = "c2s" | "s2c";

/** What to inspect, and how to show it. */
export interface Arguments {
  /** One or two; `-` is standard input. */
  readonly files: readonly string[];
  /** Whether the files begin with the opening handshake. */
  readonly handshake: boolean;
  /** The first file's direction, where its bytes do not tell. */
  readonly dir: Direction | undefined;
  /** Reserved bits that were agreed on, beside what a handshake says. */
  readonly rsv: number;
  /** Whether permessage-deflate was agreed on for certain. */
  readonly deflate: boolean;
  /** Whether to show what compressed messages hold. */
  readonly inflate: boolean;
  readonly messages: boolean;
  readonly json: boolean;
  /** Most lines of frames or messages for each direction. */
  readonly limit: number;
  /** Most bytes of a payload that are shown, for text and for the rest. */
  readonly preview: { readonly text: number; readonly hex: number };
  readonly maxFrame: number;
  readonly maxMessage: number;
  /** Whether to colour; `undefined` leaves it to what the output is. */
  readonly color: boolean | undefined;
}

/** The command was not used as it can be. */
export class Usage extends Error {
  override name = "Usage";
}

/** What is shown of a payload unless `--preview` says otherwise. */
const PREVIEW = { text: 64, hex: 32 };

/** Past this an excerpt is no excerpt; memory stays small for certain. */
const MOST_PREVIEW = 2 ** 20;

/** What is asked for: help, the version, or an inspection. */
export function readArguments(args: readonly string[]): "help" | "version" | Arguments {
  const { values, positionals } = parse(args);
  if (values.help) return "help";
  if (values.version) return "version";
  const [word, ...files] = positionals;
  if (word === undefined) throw new Usage("say what to do: wscodec inspect FILE");
  if (word === "serve" || word === "connect") {
    throw new Usage(
      `${word} is a command of the native program of this name: cargo install wscodec-cli`,
    );
  }
  if (word !== "inspect") throw new Usage(`there is no command "${word}", only "inspect"`);
  if (files.length === 0) {
    throw new Usage('inspect needs a file, or "-" for standard input');
  }
  if (files.length > 2) {
    throw new Usage("inspect takes two files at most, one for each direction");
  }
  if (files[0] === files[1]) {
    const what = files[0] === "-" ? "standard input" : "one file";
    throw new Usage(`both directions can't be read from ${what}`);
  }
  if (values.dir !== undefined && values.dir !== "c2s" && values.dir !== "s2c") {
    throw new Usage("--dir is c2s (client to server) or s2c (server to client)");
  }
  const preview = values.preview && whole("--preview", values.preview, MOST_PREVIEW);
  return {
    files,
    handshake: !values["no-handshake"],
    dir: values.dir,
    rsv: whole("--rsv", values.rsv ?? "0", 7) | (values.deflate ? 4 : 0),
    deflate: values.deflate ?? false,
    inflate: !values["no-inflate"],
    messages: values.messages ?? false,
    json: values.json ?? false,
    limit: whole("--limit", values.limit ?? "infinite"),
    preview: typeof preview === "number" ? { text: preview, hex: preview } : PREVIEW,
    maxFrame: whole("--max-frame", values["max-frame"] ?? "infinite"),
    maxMessage: whole("--max-message", values["max-message"] ?? "infinite"),
    color: values["no-color"] ? false : values.color,
  };
}

const options = {
  color: { type: "boolean" },
  deflate: { type: "boolean" },
  dir: { type: "string" },
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  limit: { type: "string" },
  "max-frame": { type: "string" },
  "max-message": { type: "string" },
  messages: { type: "boolean" },
  "no-color": { type: "boolean" },
  "no-handshake": { type: "boolean" },
  "no-inflate": { type: "boolean" },
  preview: { type: "string" },
  rsv: { type: "string" },
  version: { type: "boolean", short: "V" },
} as const;

type Values = {
  [name in keyof typeof options]?: (typeof options)[name]["type"] extends "string"
    ? string
    : boolean;
};

/** Node's own check has its own words, and refuses `--limit -1` for another reason. */
function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  const parsed = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options,
  });
  for (const token of parsed.tokens) {
    if (token.kind !== "option") continue;
    if (!Object.hasOwn(options, token.name)) {
      throw new Usage(`there is no option ${token.rawName}`);
    }
    const { type } = options[token.name as keyof typeof options];
    if (type === "string" && token.value === undefined) {
      throw new Usage(`${token.rawName} needs a value`);
    }
    if (type === "boolean" && token.value !== undefined) {
      throw new Usage(`${token.rawName} takes no value`);
    }
  }
  return { values: parsed.values as Values, positionals: parsed.positionals };
}

/** A number of bytes or lines; K, M and G stand for powers of 1024. */
function whole(name: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  if (text === "infinite") return max;
  const [, digits, unit] = /^(\d{1,16})([KMG]?)$/i.exec(text) ?? [];
  const value = Number(digits) * 1024 ** " KMG".indexOf((unit || " ").toUpperCase());
  if (!(value <= max)) {
    throw new Usage(
      max === Number.MAX_SAFE_INTEGER
        ? `${name} takes a whole number, such as 100 or 64K`
        : `${name} takes a whole number up to ${max}`,
    );
  }
  return value;
}

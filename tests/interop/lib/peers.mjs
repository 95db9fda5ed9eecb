// Who is talked to. A peer that is not here has a `missing` instead of a command.

import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where compression is offered, and how. `null` is none. */
const WS = {
  "": true,
  "no takeover": { clientNoContextTakeover: true, serverNoContextTakeover: true, threshold: 0 },
  "windows 10": { serverMaxWindowBits: 10, clientMaxWindowBits: 10, threshold: 0 },
  plain: false,
};
const PYTHON = {
  "": { server_max_window_bits: null, client_max_window_bits: true },
  "no takeover": { server_no_context_takeover: true, client_no_context_takeover: true },
  "windows 9": { server_max_window_bits: 9, client_max_window_bits: 9 },
  plain: null,
};
const PYTHON_SERVER = {
  ...PYTHON,
  "": {},
  // 15 is what it may not ask of a client that did not offer the parameter.
  "windows 9": { server_max_window_bits: 9, client_max_window_bits: 9, require_client_max_window_bits: true },
};

/** `folder` is where the peers are installed, `here` where their scripts are. */
export function peers(folder, versions) {
  const script = (name) => join(folder, "peers", name);
  const packages = join(folder, "node_modules");
  const python = join(folder, "venv", "bin", "python");
  const deno = join(packages, "deno", "bin.cjs");
  const bun = join(packages, "@oven", "bun-linux-x64", "bin", "bun");
  const clients = [];
  const servers = [];
  const add = (list, name, options, command, missing) => {
    for (const [how, value] of Object.entries(options)) {
      const [program, ...args] = command;
      const plain = value === null || value === false;
      // What `true` or nothing stands for is the default.
      const last = value === undefined ? [] : [JSON.stringify(value)];
      list.push({ name, how, program, args, last, plain, missing });
    }
  };
  const node = process.execPath;
  add(clients, `npm ws ${versions.ws}`, WS, [node, script("ws-client.mjs")], versions.missing.npm);
  add(servers, `npm ws ${versions.ws}`, WS, [node, script("ws-server.mjs")], versions.missing.npm);
  const web = script("web-client.mjs");
  const own = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-websocket"] : [];
  add(clients, `Node ${process.versions.node}`, { "": undefined }, [node, "--no-warnings", ...own, web]);
  clients.push({
    name: `undici ${versions.undici}`,
    how: "",
    program: node,
    args: [web],
    last: ["undici"],
    missing: versions.missing.npm,
  });
  const denoArgs = ["run", "--allow-net", "--allow-env", "--no-config", "--no-lock", "--no-remote"];
  const denoRun = [node, deno, ...denoArgs, web];
  // Its client does not offer compression.
  add(clients, `Deno ${versions.deno}`, { plain: null }, denoRun, versions.missing.deno);
  const noBun = existsSync(bun) ? undefined : "npm has no Bun for this platform";
  add(clients, `Bun ${versions.bun}`, { "": undefined }, [bun, web], noBun);
  add(clients, `Python websockets ${versions.websockets}`, PYTHON, [python, script("client.py")], versions.missing.python);
  add(servers, `Python websockets ${versions.websockets}`, PYTHON_SERVER, [python, script("server.py")], versions.missing.python);
  const gorilla = { "": undefined, plain: null };
  add(clients, `gorilla/websocket ${versions.gorilla}`, gorilla, [join(folder, "gorilla")], versions.missing.gorilla);
  return { clients, servers };
}

/** Other runtimes as processes, for tests of code that runs only there. */

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const dist = new URL("pkg/dist/", root);

/** A runtime's program with what comes before a script, or why there is none. */
export type Runtime = { readonly command: readonly string[] } | { readonly skip: string };

/** The folder in which `cargo xtask packages` installs runtimes, beside the folder in which this test was made. */
function installed(...path: string[]): string[] {
  const target = join(dirname(process.argv[1] ?? "."), "..", "..");
  const peers = join(target, "wscodec-packages", "peers", "node_modules");
  const file = join(peers, ...path);
  return existsSync(file) ? [file] : [];
}

/**
 * The first of these programs that starts. The variables `WSCODEC_BUN`, `WSCODEC_DENO` and
 * `WSCODEC_WORKERD` name another one, to test the lowest version that is supported: Bun 1.2.0 and
 * Deno 2.0.0.
 */
function first(name: string, candidates: string[]): Runtime {
  const wanted = process.env[`WSCODEC_${name.toUpperCase()}`];
  for (const program of wanted === undefined ? candidates : [wanted]) {
    try {
      execFileSync(program, ["--version"], { stdio: "ignore", timeout: 20_000 });
      return { command: [program] };
    } catch {
      // The next one, then.
    }
  }
  return { skip: `no ${name} here: \`cargo xtask packages\` installs one` };
}

const machine = `${platform()}-${arch()}`;

export function bun(): Runtime {
  return first("Bun", [...installed("@oven", `bun-${machine}`, "bin", "bun"), "bun"]);
}

export function workerd(): Runtime {
  const name = `workerd-${machine.replace("-x64", "-64")}`;
  return first("workerd", [...installed("@cloudflare", name, "bin", "workerd"), "workerd"]);
}

export function deno(): Runtime {
  const run = ["run", "--allow-all", "--no-config", "--no-lock"];
  // In Deno itself the program is Deno.
  if ("Deno" in globalThis) return { command: [process.execPath, ...run] };
  // npm's command puts the program beside it when it is first run. It would be left running
  // if only the command were stopped.
  const folder = fileURLToPath(new URL("js/node_modules/deno/", root));
  const found = first("Deno", [join(folder, platform() === "win32" ? "deno.exe" : "deno")]);
  if ("command" in found) return { command: [...found.command, ...run] };
  try {
    execFileSync(process.execPath, [join(folder, "bin.cjs"), "--version"], { stdio: "ignore" });
  } catch {
    return { skip: "npm has no Deno for this platform" };
  }
  return { command: [join(folder, "deno"), ...run] };
}

export function node(): Runtime {
  return "Deno" in globalThis ? { skip: "Node's own test runs it" } : { command: [process.execPath] };
}

/**
 * A runtime for tests whose own side needs Node: they reset sockets, stop processes, and read so
 * that nothing is buffered. The process that is tested runs in each runtime all the same.
 */
export function driver(find: () => Runtime): Runtime {
  const inNode = !("Deno" in globalThis || "Bun" in globalThis);
  return inNode ? find() : { skip: "Node's own test runs it" };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** An example's source, for the built package and another port. */
export function example(name: string, port?: number): string {
  const source = readFileSync(new URL(`examples/js/${name}`, root), "utf8");
  const built = source.replace(
    /"wscodec\/(\w+)"/g,
    (_, entry: string) => JSON.stringify(new URL(`${entry}.mjs`, dist).href),
  );
  assert.notEqual(built, source, "it uses the package");
  if (port === undefined) return built;
  assert.match(built, /8080/);
  return built.replaceAll("8080", String(port));
}

/** Runs with a folder for files, which is removed then. */
export async function within<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "wscodec-runtime-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Starts a program that listens, waits until it does, and stops it in the end. */
export async function started(
  command: readonly string[],
  folder: string,
  port: number,
  run: () => Promise<void>,
): Promise<string> {
  const [program, ...args] = command as [string, ...string[]];
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const ended = once(child, "exit");
  try {
    await listens(child, port, () => said);
    await run();
    // Its report at the end of a connection may still be on its way.
    await sleep(100);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  return said;
}

async function listens(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said()}`);
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true, () => false),
      sleep(1000, false),
    ]);
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`it does not listen: ${said()}`);
}

/** Writes an example as a script; its name. */
export function script(folder: string, name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}


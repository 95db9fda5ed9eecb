// How long it takes in a fresh process from nothing to the first frame; on standard output.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [what] = process.argv.slice(2);
/** "Hello", masked. */
const frame = Buffer.from("818537fa213d7f9f4d5158", "hex");
const times = {};
let hello;

const began = performance.now();
const since = (start) => performance.now() - start;

if (what.endsWith(".wasm")) {
  const file = readFileSync(new URL(`../../pkg/dist/${what}`, import.meta.url));
  const compiling = performance.now();
  const module = new WebAssembly.Module(file);
  times.compile = since(compiling);
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") throw new Error(`the module imports a ${kind}, ${name}`);
    imports[from] ??= {};
    imports[from][name] = () => {};
  }
  const instantiating = performance.now();
  new WebAssembly.Instance(module, imports);
  times.instantiate = since(instantiating);
} else if (what !== "ws") {
  const { MessageDecoder } = await import(`../../pkg/dist/${what}`);
  times.import = since(began);
  const decoder = new MessageDecoder({ role: "server" });
  decoder.push(frame);
  decoder.next();
  hello = decoder.text();
  times.first = since(began);
} else {
  const require = createRequire(new URL("../../js/package.json", import.meta.url));
  const { Receiver } = require("ws");
  times.import = since(began);
  const receiver = new Receiver({ isServer: true });
  receiver.on("message", (data) => {
    hello = data.toString();
  });
  receiver.write(frame);
  times.first = since(began);
}
if (!what.endsWith(".wasm") && hello !== "Hello") throw new Error(`the first message was ${hello}`);
console.log(JSON.stringify(times));

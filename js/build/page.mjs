// Makes dist/inspect.html: the inspector page with its styles, its worker and the wasm module inside.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import * as esbuild from "esbuild";

import { dist, js, put, refuse, src, wanted } from "./files.mjs";

const folder = join(src, "page");

/** A script of the page, or its worker, as text that may stand in HTML. */
async function script(name) {
  const result = await esbuild.build({
    absWorkingDir: src,
    bundle: true,
    charset: "utf8",
    entryPoints: [`page/${name}.ts`],
    format: "iife",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    minify: true,
    platform: "browser",
    target: "es2022",
    write: false,
  });
  const strange = Object.keys(result.metafile.inputs).filter(
    (file) => !/^(page|inspect)\/|generated\/inspect\//.test(file),
  );
  if (strange.length > 0) refuse(`the page would carry js/src/${strange.join(", js/src/")}`);
  return result.outputFiles[0].text.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

async function style() {
  const source = readFileSync(join(folder, "style.css"), "utf8");
  const { code } = await esbuild.transform(source, { loader: "css", minify: true, target: "chrome110" });
  return code.trim();
}

function hash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/**
 * The policy of the page. `wasm-unsafe-eval` lets WebAssembly be compiled. `connect-src 'self'` is for
 * the page as `wscodec tap --open` serves it; everywhere else, `guard.ts` forbids this, too.
 */
function policy(scripts, styles) {
  return [
    "default-src 'none'",
    `script-src ${scripts.map(hash).join(" ")} 'wasm-unsafe-eval'`,
    // Positions and heights of rows are set by scripts, which this does not restrict.
    `style-src ${styles.map(hash).join(" ")}`,
    "worker-src blob:",
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

if (wanted("inspect")) {
  const [page, worker, guard, css] = await Promise.all([
    script("main"), script("worker/entry"), script("guard"), style(),
  ]);
  const wasm = readFileSync(join(js, "generated/inspect/wscodec.wasm"));
  const parts = {
    policy: policy([guard, page], [css]),
    guard,
    style: css,
    module: gzipSync(wasm, { level: 9 }).toString("base64"),
    worker,
    page,
  };
  let html = readFileSync(join(folder, "page.html"), "utf8");
  for (const [name, text] of Object.entries(parts)) {
    const mark = `/*${name}*/`;
    if (html.split(mark).length !== 2) refuse(`page.html has not one ${mark}`);
    html = html.replace(mark, () => text);
  }
  put(join(dist, "inspect.html"), html);
}

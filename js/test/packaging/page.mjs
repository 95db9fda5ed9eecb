// The inspector page in real Chromium: files are dropped on it, filtered, scrolled and exported, and what it
// shows is compared with the command. Screenshots are written beside the project that was made for the case.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium, Driven, launch } from "./chromium.mjs";
import { frame, manyFrames, Pcap, sample } from "./pcap.mjs";

/** Frames of the large capture, and bytes of the payload of each: 100 MB, one frame in each packet. */
const FRAMES = 1_000_000;
const PAYLOAD = 25;

const rowsThere = (count) => `wscodec.frames.list.length === ${count}`;
const statusOf = "document.querySelector('#status').textContent";

/** What the row in this place shows, cell by cell. */
const cells = (index) =>
  `[...(wscodec.frames.list.rowElement(${index})?.children ?? [])].map((cell) => cell.textContent)`;

/** Everything about the page; the result is a line with figures. */
export async function testPage({ folder, tools }) {
  const program = chromium();
  if (program === undefined) return undefined;
  const dist = join(folder, "node_modules/wscodec/dist");
  const shots = join(folder, "screenshots");
  mkdirSync(shots, { recursive: true });
  const files = {
    sample: put(folder, "sample.pcap", sample()),
    // `#` in the name of a file is no fragment.
    keys: put(folder, "keys #1.log", readFileSync(new URL("../../../tests/pcap/wss-TLSv1.3.keys", import.meta.url))),
    tls: put(folder, "wss.pcap", readFileSync(new URL("../../../tests/pcap/wss-TLSv1.3.pcap", import.meta.url))),
    deflate: put(folder, "deflate.pcap", readFileSync(new URL("../../../tests/pcap/ws-deflate-v4.pcap", import.meta.url))),
  };
  const browser = launch(program, "about:blank");
  const command = (...words) => inspect(join(dist, "cli.mjs"), words);
  const context = { browser, dist, files, folder, tools, command, shots };
  try {
    const url = pathToFileURL(join(dist, "inspect.html")).href;
    const page = await Driven.open(browser, tools, url);
    context.page = page;
    context.url = url;
    await page.size(1440, 900);
    const figures = [];
    for (const [name, test] of Object.entries(tests)) {
      try {
        const figure = await test(context);
        if (figure) figures.push(figure);
      } catch (error) {
        writeFileSync(join(shots, "failed.png"), await page.screenshot());
        throw new Error(`${name}: ${error.stack}\n${page.errors.join("\n")}`);
      }
      assert.deepEqual(page.errors, [], `${name}: errors of the page`);
    }
    return `${Object.keys(tests).length} passed; ${figures.join("; ")}`;
  } finally {
    await browser.close();
  }
}

/** What the command prints. Its status is 1 if rules are broken, as in the sample. */
function inspect(cli, words) {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, "inspect", ...words], { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error && error.code !== 1) reject(new Error(`${words.join(" ")}: ${stderr || error.message}`));
      else resolve(stdout);
    });
  });
}

function put(folder, name, bytes) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function shot({ page, shots }, name) {
  // Two frames, so that the rows have been drawn.
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  writeFileSync(join(shots, `${name}.png`), await page.screenshot());
}

/** Chooses files by the input of the page. */
async function choose({ page }, paths) {
  const { root } = await page.call("DOM.getDocument");
  const { nodeId } = await page.call("DOM.querySelector", { nodeId: root.nodeId, selector: "#files" });
  await page.call("DOM.setFileInputFiles", { nodeId, files: paths });
}

async function setFilter({ page }, text) {
  await page.key("Escape");
  await page.key("/");
  await page.until("document.activeElement.id === 'filter'");
  await page.evaluate("document.activeElement.select()");
  await page.type(text);
  await page.key("Enter");
}

/** The events that the command prints. */
function eventsOf(text) {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const tests = {
  async "the page says what it reads"(context) {
    const { page } = context;
    assert.match(await page.evaluate("document.querySelector('#landing').innerText"), /Nothing leaves this machine/);
    await shot(context, "landing");
  },

  async "connections are forbidden"({ page }) {
    for (const url of ["https://example.com/", "http://127.0.0.1:9/", "data:text/plain,x"]) {
      const result = await page.evaluate(`fetch("${url}").then(() => "sent", () => "refused")`);
      assert.equal(result, "refused");
    }
    assert.equal(await page.evaluate("new Promise((done) => { try { const s = new WebSocket('ws://127.0.0.1:9'); s.onerror = () => done('refused'); s.onopen = () => done('sent'); } catch { done('refused'); } })"), "refused");
    assert.ok(page.errors.length >= 4 && page.errors.every((it) => /Content Security Policy|violates|Refused/.test(it)), page.errors.join("\n"));
    page.errors.length = 0;
  },

  async "a capture that is dropped shows its frames"(context) {
    const { page, files, command } = context;
    await page.drop([files.sample]);
    const lines = eventsOf(await command("--json", files.sample));
    const shown = lines.filter(({ type }) => type !== "conversation" && type !== "violation");
    await page.until(rowsThere(shown.length));
    await page.until(`${cells(3)}.length === 8 && ${cells(3)}[7] !== ""`);
    const frames = shown.map((event, i) => [event, i]).filter(([event]) => event.type === "frame");
    for (const [event, i] of frames.slice(0, 12)) {
      const row = await page.evaluate(cells(i));
      assert.equal(row[2], `${event.stream}`);
      assert.equal(row[3], { c2s: "→", s2c: "←" }[event.dir]);
      assert.equal(row[4], event.name);
      assert.equal(row[6], `${event.length}`);
    }
    const first = await page.evaluate("document.querySelector('#connections').innerText");
    assert.match(first, /#0 example\.com\/chat/);
    assert.match(first, /closed by client with 1000/);
    await shot(context, "list-light");
  },

  async "the detail pane has the text of the command"(context) {
    const { page, files, command } = context;
    const lines = (await command("--json", "--payloads", files.sample)).trimEnd().split("\n");
    const expected = lines.find((line) => line.includes('message number 3\\"'));
    assert.ok(expected);
    const index = lines.filter((line) => !/^\{"type":"(conversation|violation)"/.test(line)).indexOf(expected);
    await page.evaluate(`wscodec.frames.select(${index})`);
    await page.until("document.querySelector('#view-json')");
    await page.click("#view-tree");
    await page.until("document.querySelector('.tree')");
    await shot(context, "detail-json");
    const tree = await page.evaluate("document.querySelector('.tree').innerText");
    assert.match(tree, /"text": "message number 3"/);
    await page.click("#view-json");
    assert.equal(await page.evaluate("document.querySelector('pre.json').textContent"), expected);
    await page.click("#view-hex");
    await page.until("document.querySelector('.hex .line .digits')?.textContent.trim()");
    const event = JSON.parse(expected);
    const digits = await page.evaluate("document.querySelector('.hex .line .digits').textContent");
    const bytes = digits.replace(/ /g, "");
    assert.ok(bytes.length >= 16 && Buffer.from(event.text).toString("hex").startsWith(bytes));
    const header = await page.evaluate("document.querySelector('#detail .header').innerText");
    assert.match(header, new RegExp(`mask key\\s+${event.mask}`));
    assert.match(header, /opcode\s+0001\s+1 text/);
    await shot(context, "detail-hex");
    await page.evaluate("wscodec.frames.select(0)");
    await page.until("document.querySelector('table.head')?.innerText.includes('Sec-WebSocket-Key')");
    await shot(context, "detail-handshake");
    const faulty = lines.find((line) => line.includes('"INVALID_UTF8"'));
    await page.evaluate(`wscodec.frames.select(${lines.filter((line) => !/^\{"type":"(conversation|violation)"/.test(line)).indexOf(faulty)})`);
    await page.until("document.querySelector('#detail .violation')?.innerText.includes('INVALID_UTF8')");
    await shot(context, "detail-violation");
  },

  async "keys move through the rows"({ page }) {
    await page.key("Escape");
    await page.evaluate("document.querySelector('#frames').focus()");
    const selected = async (index) => page.until(`wscodec.frames.selected === ${index}`);
    await page.key("Home");
    await selected(0);
    await page.key("j");
    await page.key("ArrowDown");
    await selected(2);
    await page.key("k");
    await selected(1);
    await page.key("End");
    await page.until("wscodec.frames.selected === wscodec.frames.list.length - 1");
    const grid = "document.querySelector('#frames')";
    await page.until(`document.getElementById(${grid}.getAttribute('aria-activedescendant'))?.getAttribute('aria-selected') === 'true'`);
    assert.equal(
      await page.evaluate(`${grid}.getAttribute('aria-rowcount')`),
      `${await page.evaluate("wscodec.frames.list.length + 1")}`,
    );
    await page.key("Enter");
    await page.until("document.activeElement.getAttribute('role') === 'tab'");
    await page.key("Escape");
    await page.key("Escape");
    await page.until("document.querySelector('#detail').hidden");
    await page.key("?");
    await page.until("document.querySelector('#about').open");
    await page.key("Escape");
    await page.until("!document.querySelector('#about').open");
  },

  async "filters are those of the command"(context) {
    const { page, files, command } = context;
    for (const filter of ['dir == c2s and payload contains "number 11"', "type in (ping, pong)", "violation"]) {
      const lines = eventsOf(await command("--json", "--filter", filter, files.sample));
      const frames = lines.filter(({ type }) => type === "frame");
      await setFilter(context, filter);
      await page.until(rowsThere(frames.length));
    }
    await shot(context, "filtered");
    await setFilter(context, "size >< 3");
    await page.until("document.querySelector('#filter-error').textContent.includes('at character 7: ')");
    assert.equal(await page.evaluate("document.querySelector('#filter').getAttribute('aria-invalid')"), "true");
    await shot(context, "filter-wrong");
    await setFilter(context, "type == text");
    await page.until("document.querySelector('#filter-error').textContent === ''");
  },

  async "exports are those of the command"({ page, files, folder, command }) {
    for (const form of ["jsonl", "har"]) {
      const path = join(folder, `expected.${form}`);
      await command("--filter", "(type == text)", `--${form}`, path, files.sample);
      const found = await page.evaluate(`wscodec.exported("${form}", false).then((blob) => blob.text())`);
      const expected = readFileSync(path, "utf8");
      assert.ok(expected.length > 1000);
      assert.equal(found, expected);
    }
  },

  async "a connection, a range of time and messages narrow the list"(context) {
    const { page, files, command } = context;
    await page.key("Escape");
    await page.evaluate("wscodec.filter.set('')");
    await page.evaluate("wscodec.connections.select(1)");
    const lines = eventsOf(await command("--json", "--connection", "1", files.sample));
    await page.until(rowsThere(lines.filter(({ type }) => type !== "conversation" && type !== "violation").length));
    await page.click("#show-messages");
    const messages = eventsOf(await command("--json", "--messages", "--connection", "1", files.sample));
    await page.until(rowsThere(messages.filter(({ type }) => type !== "conversation" && type !== "violation").length));
    const before = await page.evaluate("wscodec.frames.list.length");
    const { x, y, width } = await page.place("#timeline canvas");
    await page.drag({ x: x - width / 4, y }, { x, y });
    await page.until(`wscodec.frames.list.length < ${before} && wscodec.frames.list.length > 0`);
    await shot(context, "narrowed");
    await page.evaluate("wscodec.timeline.select(null)");
    // Two changes at once: neither takes the other one back.
    await page.evaluate("wscodec.connections.select(-1); document.querySelector('#show-frames').click()");
    const all = eventsOf(await command("--json", files.sample));
    await page.until(rowsThere(all.filter(({ type }) => type !== "conversation" && type !== "violation").length));
    assert.equal(await page.evaluate("document.querySelector('#chips').childElementCount"), 0);
  },

  async "findings and figures"(context) {
    const { page, files, command } = context;
    const lines = eventsOf(await command("--json", "--lint", "--filter", "packet == 0", files.sample));
    const findings = lines.filter(({ type }) => type === "finding");
    assert.ok(findings.length >= 2);
    await page.click("#tab-findings");
    await page.until(`document.querySelectorAll('#findings .finding').length === ${findings.length}`);
    await shot(context, "findings");
    await page.click("#tab-figures");
    await page.until("document.querySelector('#figures table')");
    await shot(context, "figures");
    await page.click("#tab-connections");
  },

  async "dark, and a narrow window"(context) {
    const { page } = context;
    const color = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await color();
    await page.prefer("dark");
    assert.notEqual(await color(), light);
    await page.evaluate("wscodec.frames.select(8)");
    await page.until("!document.querySelector('#detail').hidden");
    await shot(context, "list-dark");
    await page.click("#theme");
    assert.equal(await color(), light);
    await page.click("#theme");
    await page.evaluate("localStorage.clear(); delete document.documentElement.dataset.theme");
    await page.prefer("light");
    assert.equal(await color(), light);
    await page.size(1000, 760);
    await shot(context, "medium");
    await page.size(420, 800);
    await shot(context, "narrow-detail");
    await page.key("Escape");
    await page.key("Escape");
    await shot(context, "narrow");
    await page.size(1440, 900);
  },

  async "compressed messages, and TLS with a key log"(context) {
    const { page, files, command } = context;
    await choose(context, [files.deflate]);
    await page.until(`document.title.startsWith('deflate.pcap') && ${statusOf}.includes('rows')`);
    const lines = eventsOf(await command("--json", files.deflate));
    const shown = lines.filter(({ type }) => type !== "conversation");
    await page.until(rowsThere(shown.length));
    const index = shown.findIndex(({ type, inflated }) => type === "frame" && inflated > 0);
    await page.evaluate(`wscodec.frames.select(${index})`);
    await page.until("document.querySelector('#view-compressed')");
    await choose(context, [files.tls, files.keys]);
    await page.until("document.title.startsWith('wss.pcap')");
    const decrypted = eventsOf(await command("--json", "--keys", files.keys, files.tls));
    const frames = decrypted.filter(({ type }) => type === "frame");
    assert.ok(frames.length > 0);
    await setFilter(context, "fin or not fin");
    await page.until(rowsThere(frames.length));
  },

  async "a long payload is read again"(context) {
    const { page, folder, command } = context;
    const pcap = new Pcap();
    const connection = pcap.connection(0);
    const text = JSON.stringify({ long: Array.from({ length: 30_000 }, (_, i) => `item ${i}`) });
    const bytes = frame(0x81, text);
    for (let at = 0; at < bytes.length; at += 1400) pcap.packet(connection, 1, 0.1, bytes.subarray(at, at + 1400));
    const path = put(folder, "long.pcap", pcap.bytes());
    await choose(context, [path]);
    await page.until(`document.title.startsWith('long.pcap') && wscodec.frames.list.length === 3`);
    await page.evaluate("wscodec.frames.select(1)");
    await page.until("document.querySelector('#detail .cut')");
    await shot(context, "cut");
    await page.click("#detail .cut button");
    await page.until("!document.querySelector('#detail .cut')");
    const lines = (await command("--json", "--payloads", path)).split("\n");
    await page.click("#view-json");
    const shown = await page.evaluate("document.querySelector('pre.json').textContent");
    assert.equal(shown, lines.find((line) => line.startsWith('{"type":"frame"')));
    await page.click("#view-tree");
    assert.match(await page.evaluate("document.querySelector('.tree').innerText"), /30000 … \]/);
  },

  async "bytes of frames are pasted"({ page }) {
    await page.evaluate(`(() => {
      const data = new DataTransfer();
      data.setData("text/plain", "81 05 48 65 6c 6c 6f");
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    })()`);
    await page.until(`document.title.startsWith('pasted') && [0, 1, 2].some((i) => ${cells("i")}[7] === "Hello")`);
  },

  async "a file that is nothing is refused in words"({ page, folder }) {
    const path = put(folder, "nothing.txt", "");
    await choose({ page }, [path]);
    await page.until(`${statusOf}.includes('nothing.txt: ')`);
    assert.equal(await page.evaluate("document.querySelector('#status').className"), "wrong");
  },

  async "a stream is shown while it arrives"(context) {
    const { browser, tools, dist, page } = context;
    const { WebSocketServer } = await import(pathToFileURL(join(tools, "ws/wrapper.mjs")).href);
    const html = readFileSync(join(dist, "inspect.html"), "utf8");
    const bytes = sample();
    const meta = { "/": '<meta name="wscodec-live" content="/events">', "/file": '<meta name="wscodec-file" content="/capture">' };
    const server = createServer((request, response) => {
      if (request.url === "/capture") return response.end(bytes);
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(html.replace("<!-- live -->", () => meta[request.url] ?? ""));
    });
    const sockets = new WebSocketServer({ server, path: "/events" });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const origin = `http://127.0.0.1:${server.address().port}`;
      const connected = once(sockets, "connection");
      const live = await Driven.open(browser, tools, `${origin}/`);
      const [socket] = await connected;
      socket.send(bytes.subarray(0, 20_000));
      await live.until("wscodec.frames.list.length > 20");
      const part = await live.evaluate("wscodec.frames.list.length");
      assert.match(await live.evaluate(statusOf), /live/);
      socket.send(bytes.subarray(20_000));
      await live.until(`wscodec.frames.list.length > ${part}`);
      socket.close(1000);
      await live.until(`${statusOf}.includes('ended')`);
      const all = await live.evaluate("wscodec.frames.list.length");
      await live.goto(`${origin}/file`);
      await live.until(rowsThere(all));
      assert.equal(await live.evaluate("fetch('https://example.com/').then(() => 'sent', () => 'refused')"), "refused");
      await live.close();
      // A page behind another one draws nothing.
      await page.call("Page.bringToFront");
    } finally {
      sockets.close();
      server.closeAllConnections();
      server.close();
    }
  },

  async "a capture of 100 MB with a million frames"(context) {
    const { page, folder, url } = context;
    const path = put(folder, "large.pcap", manyFrames(FRAMES, PAYLOAD));
    await page.goto(url);
    await page.until("window.wscodec?.times.ready > 0");
    await choose(context, [path]);
    await page.until("wscodec.times.first > 0");
    await page.until("wscodec.times.last > 0", 240_000);
    await page.until(rowsThere(FRAMES + 2), 60_000);
    const { first, last } = await page.evaluate("wscodec.times");
    await page.evaluate("document.querySelector('#frames').focus()");
    await page.key("End");
    await page.until(`${cells(FRAMES)}[7]?.includes('"n":${FRAMES - 1}')`);
    await page.key("Escape");
    await page.until("document.querySelector('#detail').hidden");
    // Whole pages and single rows, by the scroll bar.
    const times = await page.evaluate(`(async () => {
      const { list } = wscodec.frames;
      list.times.length = 0;
      const scroller = list.element;
      const most = scroller.scrollHeight - scroller.clientHeight;
      for (let i = 0; i < 300; i++) {
        scroller.scrollTop = i < 150 ? (most * i) / 150 : most - (i - 150) * 120;
        await new Promise(requestAnimationFrame);
      }
      return list.times.slice();
    })()`);
    times.sort((a, b) => a - b);
    const middle = times[Math.floor(times.length / 2)];
    const late = times[Math.floor(times.length * 0.95)];
    await shot(context, "large");
    await setFilter(context, 'payload contains "999999"');
    const begin = Date.now();
    await page.until(rowsThere(1), 120_000);
    const search = Date.now() - begin;
    const { size } = statSync(path);
    rmSync(path);
    return `${(size / 1e6).toFixed(0)} MB: first row ${(first / 1000).toFixed(2)} s, all rows ` +
      `${(last / 1000).toFixed(2)} s; ${times.length} drawings: median ${middle.toFixed(2)} ms, ` +
      `95 % ${late.toFixed(2)} ms; a search ${(search / 1000).toFixed(2)} s`;
  },
};

/** The inspector page. */

import { byId } from "./dom/dom.ts";
import { App } from "./app.ts";
import { listenForFiles, sorted } from "./files/files.ts";
import { download, listenTo, served } from "./live/live.ts";
import { Client } from "./store/client.ts";
import { restoreTheme } from "./theme/theme.ts";

restoreTheme();
const client = new Client(byId("worker").textContent ?? "");
const loaded = client.call("load", (byId("module").textContent ?? "").trim());
const app = new App(client);
loaded.then(() => (app.times.ready = performance.now()), (error: Error) => app.fail(`The inspector can't be started: ${error.message}`));
// For tests and for measurements by the console.
Object.assign(window, { wscodec: app });

listenForFiles(byId<HTMLInputElement>("files"), (files) => {
  void sorted(files).then(({ files, keys }) => app.open(files, keys));
});

const source = served();
if (source?.kind === "file") {
  download(source.url).then((file) => app.open([file], []), (error: Error) => app.fail(error.message));
} else if (source !== undefined) {
  void app.openStream("live").then(() => {
    listenTo(source.url, (bytes) => app.append(bytes), (why) => app.ended(why));
  });
}

// What the suite wants of a client: to ask how many cases there are, to echo what comes in
// each of them, and to ask for the report.

/** Runs all cases; `connect` is an adapter's. */
export async function client(connect, [url, agent]) {
  const base = url.replace(/\/+$/, "");
  let count = 0;
  await run(connect, `${base}/getCaseCount`, (ws, data) => (count = Number(data)));
  if (!(count > 0)) throw new Error("no number of cases");
  for (let id = 1; id <= count; id++) {
    await run(connect, `${base}/runCase?case=${id}&agent=${agent}`, (ws, data) => ws.send(data));
  }
  await run(connect, `${base}/updateReports?agent=${agent}`);
  console.log(`${count} cases`);
}

/** One connection, to its end. Whether it was meant to end so is for the suite to say. */
async function run(connect, url, message) {
  let closed;
  const end = new Promise((resolve) => (closed = resolve));
  await connect(url, { message, close: closed });
  await end;
}

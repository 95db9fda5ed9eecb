// The client for the Autobahn test suite: `bun client.mjs URL AGENT`.

import { connect } from "../../../pkg/dist/bun.mjs";
import { client } from "../client.mjs";

await client(connect, process.argv.slice(2));

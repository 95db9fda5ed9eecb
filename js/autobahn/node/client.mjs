// The client for the Autobahn test suite: `node client.mjs URL AGENT`.

import { connect } from "../../../pkg/dist/node.mjs";
import { client } from "../client.mjs";

await client(connect, process.argv.slice(2));

// The client for the Autobahn test suite: `deno run --allow-all client.mjs URL AGENT`.

import { connect } from "../../../pkg/dist/deno.mjs";
import { client } from "../client.mjs";

await client(connect, Deno.args);

// The dialogue of lib/dialogue.mjs: WebSocket clients of undici, Deno and Bun against a
// ws server, a ws client against the servers of Deno and Bun.

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { WebSocket as UndiciWebSocket } from "undici";
import { WebSocket as WsWebSocket } from "ws";

import { CLOSE, PROTOCOL, talk, TURNS } from "../lib/dialogue.mjs";
import { Sent } from "../lib/sent.mjs";
import { HOST } from "../lib/stage.mjs";
import { answering } from "../lib/ws-answers.mjs";

const runtime = (name) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
const peer = (name) => fileURLToPath(new URL(`../peers/${name}.mjs`, import.meta.url));

const DENO = ["run", "--no-config", "--no-remote", "--no-npm", `--allow-net=${HOST}`];
// Neither asks for updates or reports its use.
const QUIET = { env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" } };

function undici(options) {
  return async (stage) => {
    const { port, sent } = await answering(stage, options);
    await talk(UndiciWebSocket, `ws://${HOST}:${port}/chat`);
    return sent();
  };
}

/** A client in a process of its own. */
function child(program, args) {
  return async (stage) => {
    const { port, sent } = await answering(stage, { perMessageDeflate: { threshold: 0 } });
    const url = `ws://${HOST}:${port}/chat`;
    await stage.start(runtime(program), [...args, peer("client"), url], QUIET).ended;
    return sent();
  };
}

/** A server in a process of its own, and a ws client that pings now and then. */
function server(program, args, name, protocols) {
  return async (stage) => {
    const started = stage.start(runtime(program), [...args, peer(name)], QUIET);
    const port = await stage.tap(Number(await stage.line(started)));
    const c2s = new Sent();
    const s2c = new Sent();
    const before = async (turn, socket) => {
      if (turn % 3 !== 1) return;
      const payload = Buffer.from(`turn ${turn}`);
      c2s.pings.push(payload);
      s2c.pongs.push(payload);
      socket.ping(payload);
      await once(socket, "pong");
    };
    await talk(WsWebSocket, `ws://${HOST}:${port}/chat`, { protocols, before });
    await started.ended;
    for (const turn of TURNS) {
      turn.client.forEach((message) => c2s.message(message));
      turn.server.forEach((message) => s2c.message(message));
    }
    c2s.close = CLOSE;
    s2c.close = CLOSE;
    return { c2s, s2c };
  };
}

const DIALOGUE = `The dialogue of \`lib/dialogue.mjs\`: subprotocol ${PROTOCOL}; text,
binary and empty messages, several at once, lengths around 125 and up to 66 000; closed by the
client with 1000 and a reason.`;
const WS_SERVER = "The server pings before some answers and sends long ones in fragments.";

export default [
  {
    name: "undici-deflate",
    peers: ["undici client", "ws server"],
    about: `${DIALOGUE} ${WS_SERVER} permessage-deflate is agreed on; undici offers it but sends
nothing compressed.`,
    run: undici({ perMessageDeflate: { threshold: 0 } }),
  },
  {
    name: "deno-client",
    peers: ["Deno client", "ws server"],
    about: `${DIALOGUE} ${WS_SERVER}`,
    run: child("deno", DENO),
  },
  {
    name: "bun-client",
    peers: ["Bun client", "ws server"],
    about: `${DIALOGUE} ${WS_SERVER}`,
    run: child("bun", ["run"]),
  },
  {
    name: "deno-server",
    peers: ["ws client", "Deno server"],
    about: `${DIALOGUE} The client pings now and then. It offers one subprotocol only: this Deno
looks for ", " between two, and ws writes "," there.`,
    run: server("deno", DENO, "deno-server", [PROTOCOL]),
  },
  {
    name: "bun-server",
    peers: ["ws client", "Bun server"],
    about: `${DIALOGUE} The client pings now and then.`,
    run: server("bun", ["run"], "bun-server"),
  },
];

// npm ws on both sides: everything its API can send, without and with compression.

import { bytesOf, chat, noise, prose, receipt, samples } from "../lib/data.mjs";
import { pair, sentBy } from "../lib/ws-peer.mjs";

const PEERS = ["ws client", "ws server"];

/** Messages of all kinds, one after the other, in both directions. */
async function kinds({ client, server }) {
  await client.tell(server, chat(21, 0));
  await server.tell(client, receipt(0));
  await client.tell(server, "");
  await server.tell(client, "");
  await client.tell(server, new Uint8Array(0));
  await server.tell(client, new Uint8Array(0));
  await client.tell(server, "Grüße aus 東京 👩‍💻 и из Москвы");
  await server.tell(client, "مرحبا بالعالم 🎉");
}

/** Control frames of all sizes while no message is open. */
async function controls({ client, server }) {
  await client.ping();
  await server.ping();
  await client.ping(Buffer.from("keep-alive 1"));
  await server.ping(Buffer.from(noise(22, 125)));
  await client.pong(server, Buffer.from("unasked"));
  await server.pong(client, Buffer.alloc(0));
}

/** Text cut within characters, binary, empty pieces; pings between the pieces. */
async function pieces({ client, server }, options = {}) {
  const text = "Füße, 漢字 und 👍🏽 – in Stücken";
  // Before, in and behind each of the first characters, and within the last emoji.
  const cuts = [0, 1, 2, 3, 9, 10, 10, 21];
  await client.tellInPieces(server, text, cuts, {
    ...options,
    between: (at) => client.ping(Buffer.from(`between ${at}`)),
  });
  await server.tellInPieces(client, chat(23, 1, 30), [50, 51, 120], {
    ...options,
    between: async (at) => {
      if (at === 2) await Promise.all([server.ping(Buffer.from("s")), client.ping()]);
    },
  });
  await client.tellInPieces(server, samples(24, 600), [125, 251, 600], options);
  await server.tellInPieces(client, "", [0], options);
}

async function plain(stage) {
  const peers = await pair(stage, { server: { perMessageDeflate: false } });
  const { client, server } = peers;
  await kinds(peers);
  await controls(peers);
  await pieces(peers);
  for (const [at, length] of [1, 125, 126, 127, 65_535].entries()) {
    await client.tell(server, noise(25 + at, length));
  }
  for (const [at, length] of [1, 125, 126, 127, 65_536].entries()) {
    await server.tell(client, prose(31 + at, length));
  }
  await client.tell(server, prose(37, 70_000));
  await server.tellInPieces(client, prose(38, 70_000), [66_000, 66_001]);
  await client.close(server, 1000, "das war's ✓");
  return sentBy(peers);
}

/** How a small window shows: what is said again lies behind, within or beyond it. */
async function repetitions({ client, server }, compressed) {
  for (const distance of [100, 900, 2_500, 9_000]) {
    const line = chat(40, distance, 12);
    await client.tell(server, line, compressed);
    await client.tell(server, prose(distance, distance), compressed);
    await client.tell(server, line, compressed);
    await server.tell(client, line, compressed);
    await server.tell(client, prose(distance + 1, distance), compressed);
    await server.tell(client, line, compressed);
  }
}

/** With context takeover ws compresses all but what it is told not to. */
async function takeover(stage, peers) {
  const { client, server } = peers;
  await kinds(peers);
  for (const compress of [true, false, true, false, true]) {
    await client.tell(server, chat(41, 7), { compress, compressed: compress });
    await server.tell(client, chat(41, 7), { compress, compressed: compress });
  }
  await controls(peers);
  await pieces(peers, { compress: true, compressed: true });
  await pieces(peers, { compress: false, compressed: false });
  await repetitions(peers, { compressed: true });
  await client.tell(server, noise(42, 2_000), { compressed: true });
  await client.tell(server, samples(43, 70_000), { compressed: true });
  await server.tell(client, prose(44, 70_000), { compressed: true });
  await client.close(server, 1001, "going away");
  return sentBy(peers);
}

async function deflate(stage) {
  const peers = await pair(stage, { server: { perMessageDeflate: { threshold: 0 } } });
  return takeover(stage, peers);
}

async function smallWindows(stage) {
  const perMessageDeflate = { serverMaxWindowBits: 10, clientMaxWindowBits: 9 };
  const peers = await pair(stage, {
    server: { perMessageDeflate },
    client: { perMessageDeflate },
  });
  return takeover(stage, peers);
}

/** Without takeover ws leaves messages under its threshold as they are. */
async function noTakeover(stage) {
  const perMessageDeflate = {
    threshold: 128,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 10,
  };
  const peers = await pair(stage, {
    server: { perMessageDeflate },
    client: { perMessageDeflate },
  });
  const { client, server } = peers;
  const told = (data) => ({ compressed: bytesOf(data).length >= perMessageDeflate.threshold });
  for (const length of [127, 128, 60, 129, 0, 500, 3, 4_000]) {
    const text = prose(50 + length, length);
    await client.tell(server, text, told(text));
    await server.tell(client, text, told(text));
  }
  await controls(peers);
  // ws decides by the first piece.
  await client.tellInPieces(server, prose(51, 900), [300, 301, 700], {
    compressed: true,
    between: (at) => client.ping(Buffer.from(`between ${at}`)),
  });
  await server.tellInPieces(client, prose(52, 900), [100, 500], { compressed: false });
  await server.tellInPieces(client, samples(53, 5_000), [1_000, 1_000, 4_000], {
    compressed: true,
  });
  await repetitions(peers, undefined);
  await client.tell(server, samples(54, 70_000), { compressed: true });
  await server.tell(client, prose(55, 70_000), { compressed: true });
  await server.close(client, 1012, "service restart");
  return sentBy(peers);
}

/** One side keeps its context, the other does not; and the windows differ. */
async function oneSided(stage) {
  const perMessageDeflate = { threshold: 0, serverNoContextTakeover: true, serverMaxWindowBits: 12 };
  const peers = await pair(stage, { server: { perMessageDeflate } });
  const { client, server } = peers;
  await kinds(peers);
  await repetitions(peers, { compressed: true });
  await pieces(peers, { compress: true, compressed: true });
  await server.close(client, 3000, "moved");
  return sentBy(peers);
}

/** A lively room: messages cross each other, many to a packet. */
function room(perMessageDeflate, rounds) {
  return async (stage) => {
    const peers = await pair(stage, { server: { perMessageDeflate } });
    const { client, server } = peers;
    for (let round = 0; round < rounds; round += 1) {
      const count = 1 + (round % 7);
      const ids = Array.from({ length: count }, (_, at) => round * 10 + at);
      const both = Promise.all([arrival(server.socket, count), arrival(client.socket, 2 * count)]);
      for (const id of ids) {
        client.post(chat(60, id));
        server.post(receipt(id));
        server.post(chat(61, id));
      }
      if (round % 10 === 9) await client.ping(Buffer.from(`round ${round}`));
      await both;
    }
    await client.close(server, 1000, "");
    return sentBy(peers);
  };
}

function arrival(socket, count) {
  return new Promise((resolve) => {
    socket.on("message", function hear() {
      count -= 1;
      if (count > 0) return;
      socket.off("message", hear);
      resolve();
    });
  });
}

export default [
  {
    name: "ws-plain",
    peers: PEERS,
    about: `No extension. Text, binary and empty messages both ways; pings and pongs of 0 to 125
bytes, asked for and not; messages in fragments (text cut within characters, empty fragments)
with pings between them; lengths around each change of form (125, 126, 127, 65 535, 65 536,
70 000); closed by the client with 1000 and a reason.`,
    run: plain,
  },
  {
    name: "ws-deflate",
    peers: PEERS,
    about: `permessage-deflate with context takeover and full windows. All kinds of messages
compressed, among them empty ones; the same message compressed and not, in turns; compressed and
plain messages in fragments with pings between them; repetitions at several distances; one that
does not compress; large ones; closed by the client with 1001.`,
    run: deflate,
  },
  {
    name: "ws-deflate-small-windows",
    peers: PEERS,
    about: `As ws-deflate, with context takeover and small windows: server 10 bits, client 9.`,
    run: smallWindows,
  },
  {
    name: "ws-deflate-no-takeover",
    peers: PEERS,
    about: `permessage-deflate without context takeover on either side, both windows 10 bits.
Messages under the threshold of 128 bytes go uncompressed between compressed ones; in fragments
the first decides; closed by the server with 1012.`,
    run: noTakeover,
  },
  {
    name: "ws-deflate-one-sided",
    peers: PEERS,
    about: `permessage-deflate where the server drops its context after each message (window 12
bits) and the client keeps its own (15); closed by the server with 3000.`,
    run: oneSided,
  },
  {
    name: "ws-room",
    peers: PEERS,
    about: `No extension. Some hundred small JSON messages each way that cross each other, many
of them to a packet, with a ping now and then; closed by the client with 1000 and no reason.`,
    run: room(false, 30),
  },
  {
    name: "ws-room-deflate",
    peers: PEERS,
    about: `As ws-room, shorter, with permessage-deflate and context takeover.`,
    run: room({ threshold: 0 }, 20),
  },
];

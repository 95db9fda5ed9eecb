import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

import { tokenFor } from "../src/token.js";
import { ask, Client } from "./client.js";

async function member(room, user) {
  const token = await tokenFor(user, env.TOKEN_SECRET, 60);
  return Client.open(`/rooms/${room}`, ["room", `bearer.${token}`]);
}

test("members of a room hear each other", async () => {
  const ada = await member("tea", "ada");
  expect(await ada.next()).toBe("ada is here");
  const grace = await member("tea", "grace");
  expect(await grace.next()).toBe("grace is here");
  expect(await ada.next()).toBe("grace is here");
  const eve = await member("coffee", "eve");
  expect(await eve.next()).toBe("eve is here");
  grace.send("hello");
  for (const client of [ada, grace]) expect(await client.next()).toBe("grace: hello");
  ada.send("ping");
  expect(await ada.next()).toBe("pong");
  grace.close(4001, "bye");
  expect(await grace.next()).toEqual({ code: 4001, reason: "bye" });
  expect(await ada.next()).toBe("grace has left");
  eve.send("alone");
  expect(await eve.next()).toBe("eve: alone");
});

test("a room takes text of a limited length from admitted users", async () => {
  expect((await ask("/rooms/tea", ["room"])).status).toBe(401);
  expect((await ask("/rooms/A%20B", ["room"])).status).toBe(404);
  const long = await member("limits", "ada");
  expect(await long.next()).toBe("ada is here");
  long.send("x".repeat(4097));
  expect(await long.next()).toMatchObject({ code: 1009 });
  const binary = await member("bytes", "ada");
  expect(await binary.next()).toBe("ada is here");
  binary.send(new Uint8Array(1));
  expect(await binary.next()).toMatchObject({ code: 1003 });
});

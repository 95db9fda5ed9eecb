import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

import { tokenFor } from "../src/token.js";
import { ask, Client } from "./client.js";

const token = () => tokenFor("ada", env.TOKEN_SECRET, 60);

test("the gateway refuses other origins, wrong tokens and other subprotocols", async () => {
  const valid = `bearer.${await token()}`;
  const status = async (protocols, headers) =>
    (await ask("/gateway", protocols, headers)).status;
  expect(await status(["chat", valid], { Origin: "https://evil.example" })).toBe(403);
  expect(await status(["chat"])).toBe(401);
  expect(await status(["chat", "bearer.ada.9999999999.00"])).toBe(401);
  expect(await status(["chat", `bearer.${await tokenFor("ada", "guessed", 60)}`])).toBe(401);
  expect(await status(["video", valid])).toBe(400);
  expect(await status(["chat", valid], { Upgrade: "h2c" })).toBe(400);
});

test("the backend gets the gateway's credentials and the user, and not the client's token", async () => {
  const client = await Client.open("/gateway", ["chat", `bearer.${await token()}`]);
  client.send("who");
  expect(JSON.parse(await client.next())).toEqual(["Bearer token-of-the-gateway", "ada"]);
  client.close(1000, "");
});

test("text and bytes pass in order, and the close code of either side too", async () => {
  const headers = { Authorization: `Bearer ${await token()}` };
  const client = await Client.open("/gateway", ["chat"], headers);
  client.send("Grüße");
  client.send(new Uint8Array([1, 2, 3]));
  for (let i = 0; i < 100; i++) client.send(`${i}`);
  expect(await client.next()).toBe("Grüße");
  expect(new Uint8Array(await client.next())).toEqual(new Uint8Array([1, 2, 3]));
  for (let i = 0; i < 100; i++) expect(await client.next()).toBe(`${i}`);
  client.close(4001, "done");
  expect(await client.next()).toEqual({ code: 4001, reason: "done" });

  const other = await Client.open("/gateway", ["chat"], headers);
  other.send("close");
  expect(await other.next()).toEqual({ code: 4002, reason: "the backend is done" });
});

test("a message above the limit closes the connection with 1009", async () => {
  const client = await Client.open("/gateway", ["chat", `bearer.${await token()}`]);
  client.send(new Uint8Array(10 * 1024 * 1024 + 1));
  expect(await client.next()).toMatchObject({ code: 1009 });
});

import { expect, test } from "vitest";

import { tokenFor, userOf } from "../src/token.js";

const SECRET = "secret-of-the-tests";

test("a token names its user until it expires", async () => {
  expect(await userOf(await tokenFor("ada", SECRET, 60), SECRET)).toBe("ada");
  expect(await userOf(await tokenFor("ada", SECRET, -1), SECRET)).toBeUndefined();
});

test("a token of another user, time or secret is not valid", async () => {
  const token = await tokenFor("ada", SECRET, 60);
  const [user, expiry, signature] = token.split(".");
  const wrong = [
    "",
    "ada",
    `eve.${expiry}.${signature}`,
    `${user}.${Number(expiry) + 1}.${signature}`,
    `${user}.${expiry}.${signature.slice(1)}`,
    `${user}.${expiry}.${"0".repeat(64)}`,
    await tokenFor("ada", "another secret", 60),
  ];
  for (const one of wrong) expect(await userOf(one, SECRET)).toBeUndefined();
});

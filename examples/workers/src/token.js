// Tokens: USER.EXPIRY.SIGNATURE, with the expiry in seconds since 1970, and the signature in
// hexadecimal digits. All characters may stand in a header and in the name of a subprotocol.

const ALGORITHM = { name: "HMAC", hash: "SHA-256" };
const FORM = /^(([A-Za-z0-9-]{1,32})\.([0-9]{1,12}))\.([0-9a-f]{64})$/;

function key(secret, use) {
  return crypto.subtle.importKey("raw", new TextEncoder().encode(secret), ALGORITHM, false, [use]);
}

/** A token for that user, which is valid for so many seconds. */
export async function tokenFor(user, secret, seconds) {
  const text = `${user}.${Math.floor(Date.now() / 1000) + seconds}`;
  const bytes = new TextEncoder().encode(text);
  const signature = await crypto.subtle.sign(ALGORITHM, await key(secret, "sign"), bytes);
  const digits = Array.from(new Uint8Array(signature), (it) => it.toString(16).padStart(2, "0"));
  return `${text}.${digits.join("")}`;
}

/** The user of a token; `undefined` if it is not valid, or not any more. */
export async function userOf(token, secret) {
  const [, text, user, expiry, digits] = FORM.exec(token) ?? [];
  if (text === undefined || Number(expiry) * 1000 <= Date.now()) return undefined;
  const signature = Uint8Array.from(digits.match(/../g), (it) => Number.parseInt(it, 16));
  const bytes = new TextEncoder().encode(text);
  // `verify` takes the same time wherever the signatures differ.
  const valid = await crypto.subtle.verify(ALGORITHM, await key(secret, "verify"), signature, bytes);
  return valid ? user : undefined;
}

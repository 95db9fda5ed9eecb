// Decides who may connect, before a backend or a Durable Object is contacted.

import { userOf } from "./token.js";

/** The policy for `upgrade`: the origins of `env.ORIGINS` and one subprotocol. */
export function policy(env, protocol) {
  return { origin: env.ORIGINS.split(","), protocols: [protocol] };
}

/**
 * The user, or the response that refuses the request.
 *
 * A program sends `Authorization: Bearer TOKEN`. A page cannot set this header. It offers the
 * subprotocol `bearer.TOKEN` beside the real one, and the response does not repeat the token.
 */
export async function admit(request, env, protocol) {
  const offered = (request.headers.get("Sec-WebSocket-Protocol") ?? "").split(/\s*,\s*/);
  const [, bearer] = /^Bearer (.+)$/.exec(request.headers.get("Authorization") ?? "") ?? [];
  const token = bearer ?? offered.find((it) => it.startsWith("bearer."))?.slice("bearer.".length);
  const user = await userOf(token ?? "", env.TOKEN_SECRET);
  if (user === undefined) {
    const headers = { "WWW-Authenticate": "Bearer" };
    return { refused: new Response("no valid token\n", { status: 401, headers }) };
  }
  if (!offered.includes(protocol)) {
    return { refused: new Response(`the subprotocol is ${protocol}\n`, { status: 400 }) };
  }
  return { user };
}

/** Where a client connects to. */

/** A URL's parts, as sockets and a request need them. */
export interface Target {
  readonly secure: boolean;
  /** To connect to, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of `Host`. */
  readonly host: string;
  /** With the query. */
  readonly path: string;
}

/**
 * The parts of a `ws:` or `wss:` URL; `http:` and `https:` mean the same.
 *
 * @throws TypeError for what is no such URL
 */
export function targetOf(url: string | URL): Target {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  if (!/^(ws|http)s?:$/.test(protocol)) throw new TypeError(`no WebSocket URL: ${url}`);
  const secure = protocol === "wss:" || protocol === "https:";
  return {
    secure,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (secure ? 443 : 80)),
    host,
    path: pathname + search,
  };
}

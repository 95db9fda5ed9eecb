/**
 * The page as `wscodec tap --open` and `wscodec inspect --open` serve it. The program puts one of these
 * into the head:
 *
 *     <meta name="wscodec-live" content="/events">   a WebSocket with the bytes of a pcapng stream
 *     <meta name="wscodec-file" content="/capture">  a file
 *
 * The paths are on the origin of the page.
 */

/** What the program serves. */
export interface Served {
  readonly kind: "live" | "file";
  readonly url: URL;
}

/** What the head of the page names. */
export function served(): Served | undefined {
  for (const kind of ["live", "file"] as const) {
    const content = document.querySelector(`meta[name="wscodec-${kind}"]`)?.getAttribute("content");
    if (content == null) continue;
    const url = new URL(content, location.href);
    if (url.origin === location.origin) return { kind, url };
  }
  return undefined;
}

/** Hands on the bytes of a stream, and calls `end` once with a sentence, or without if it ended as it should. */
export function listenTo(url: URL, bytes: (bytes: Uint8Array) => void, end: (why?: string) => void): void {
  const address = new URL(url);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data !== "string") bytes(new Uint8Array(data));
  };
  socket.onclose = ({ code, wasClean }) => {
    end(wasClean && (code === 1000 || code === 1001) ? undefined : "the program that recorded this has ended");
  };
}

/** A file that the program serves. */
export async function download(url: URL): Promise<File> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the file can't be read: ${response.status} ${response.statusText}`);
  const named = /filename="([^"]*)"/.exec(response.headers.get("content-disposition") ?? "");
  return new File([await response.blob()], named?.[1] || "capture");
}

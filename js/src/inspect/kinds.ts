/** Files that are no bytes of one direction, told by how they begin. */

/** So many bytes tell. */
export const KIND = 64;

/** What such a file is, and what to do with it, behind its name; `undefined` for all others. */
export function kindOf(bytes: Buffer): string | undefined {
  for (const [start, kind] of starts) {
    if (bytes.length >= start.length && start.every((byte, i) => bytes[i] === byte)) return kind;
  }
  const text = bytes.toString("latin1", 0, KIND);
  // A record of TLS 1.0 to 1.3: its type, its version, its length.
  if (/^[\x14-\x17]\x03[\x00-\x04][\x00-\x48]/.test(text)) {
    return "holds TLS records: take TLS off first, as with Wireshark and an SSLKEYLOGFILE";
  }
  if (/^(\xef\xbb\xbf)?\s*\{\s*"log"\s*:/.test(text)) {
    return "is a HAR file (JSON): this command reads the bytes of a connection, and a HAR file has none";
  }
  return undefined;
}

const capture =
  "take the bytes of one connection out of it, one file for each direction " +
  "(Wireshark: Follow TCP Stream, shown as Raw; or tcpflow)";
const packed = (name: string, program: string) =>
  `is compressed by ${name}: decompress it first, as with \`${program} FILE | wscodec inspect -\``;

const starts: readonly (readonly [readonly number[], string])[] = [
  [[0x0a, 0x0d, 0x0d, 0x0a], `is a packet capture (pcapng): ${capture}`],
  [[0xa1, 0xb2, 0xc3, 0xd4], `is a packet capture (pcap): ${capture}`],
  [[0xd4, 0xc3, 0xb2, 0xa1], `is a packet capture (pcap): ${capture}`],
  [[0xa1, 0xb2, 0x3c, 0x4d], `is a packet capture (pcap): ${capture}`],
  [[0x4d, 0x3c, 0xb2, 0xa1], `is a packet capture (pcap): ${capture}`],
  [[0x1f, 0x8b], packed("gzip", "gzip -dc")],
  [[0x28, 0xb5, 0x2f, 0xfd], packed("zstd", "zstd -dc")],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], packed("xz", "xz -dc")],
  [[0x42, 0x5a, 0x68], packed("bzip2", "bzip2 -dc")],
  [[0x50, 0x4b, 0x03, 0x04], packed("zip", "unzip -p")],
];

//! The text of `wscodec inspect --help`.

/// The options.
pub const HELP: &str = "\
Shows the WebSocket connections, frames and messages of a capture.

Usage: wscodec inspect [OPTION...] FILE...

  FILE                    pcap or pcapng; HAR; a flow file of mitmproxy; a NetLog of Chrome;
                          events of the DevTools Protocol as JSON lines; or raw bytes of one
                          direction of a connection. Each of them may be compressed with gzip
                          or zstd. The format is recognised by the contents. - is standard
                          input. Several captures are read as one, in the order given.
                          Two files of raw bytes are the two directions of one connection.

What to show:
  --frames                A line for each frame; this is the default.
  --messages              A line for each message and each control frame.
  --connections           A line for each connection.
  --json                  One JSON object a line, with all that is known.
  --pretty                Lay out JSON and MessagePack below the lines, also in binary messages.
  --preview BYTES         So many bytes of each payload; default 64, with --json 256.
  --payloads              All bytes of each payload, up to 64 MiB.
  --stats                 Figures at the end: rates, sizes, compression, times from ping to
                          pong and from request to answer, gaps.
  --lint                  Findings at the end: rules of RFC 6455, RFC 7692 and RFC 8441 that
                          were broken, and practice that is unwise.
  --redact                Blank cookies, authorisation, keys, and members of JSON with names
                          such as password or token.
  --limit N               At most N lines of frames or messages.
  --width N               Cut lines to N characters; default: the terminal's width, if the
                          output is one.
  --color, --no-color     Default: colours if the output is a terminal.

Which frames and messages to show; all of these must hold:
  --filter EXPRESSION     Such as: dir == c2s and type == text and payload contains \"error\".
                          The documentation (docs/inspection.md) lists fields and comparisons.
  --connection N          Those of the connection with this number, such as 3, or 3.5 for a
                          stream of HTTP/2; may be given several times.
  --host TEXT             Those of connections whose request has TEXT in its Host.
  --dir c2s|s2c           From the client to the server, or the other way.
  --type NAME,...         text, binary, continuation, close, ping, pong, reserved.
  --size MIN..MAX         Bytes of payload on the wire, such as 100, 1K.., ..64K.
  --since S, --until S    Seconds since the first packet of a connection that is shown.
  --grep TEXT             The payload contains TEXT.

What to write:
  --har FILE              A HAR file of the messages.
  --jsonl FILE            JSON lines with all payloads, beside what is shown.
  --extract FOLDER        A file in FOLDER for the payload of each message.

How to read:
  --follow                Wait for more at the end of the file, until interrupted.
  --keys FILE             TLS keys, as SSLKEYLOGFILE has them; may be given several times.
  --strict                Stop at the first violation.
  --no-handshake          Raw files begin with a frame.
  --first c2s|s2c         The direction of the first raw file; with a handshake, and with a
                          masked frame, the bytes tell.
  --deflate               permessage-deflate was agreed on; with --no-handshake.

A violation does not hide anything: it is shown in its place, with the value found and the
value expected, and reading goes on wherever the next frame can be known.

Exit status: 0 if no rule was broken, 1 if rules were broken, 2 if the command line makes no
sense, or a file can't be read or written or is damaged.
";

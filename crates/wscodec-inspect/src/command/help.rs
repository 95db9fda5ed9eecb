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

Output:
  --frames                Print a line for each frame. This is the default.
  --messages              Print a line for each message and each control frame.
  --connections           Print a line for each connection.
  --json                  Print one JSON object on each line, with all facts that are known.
  --pretty                Lay out JSON and MessagePack below the lines, also in binary messages.
  --preview BYTES         Print so many bytes of each payload. The default is 64, with --json
                          256.
  --payloads              Print all bytes of each payload, up to 64 MiB.
  --stats                 Print figures at the end: rates, sizes, compression, times from ping
                          to pong and from request to answer, gaps.
  --lint                  Print findings at the end: the rules of RFC 6455, RFC 7692 and RFC
                          8441 that were broken, and unwise practice.
  --redact                Blank cookies, authorisation, keys, and members of JSON with names
                          such as password or token.
  --limit N               Print at most N lines of frames or messages.
  --width N               Cut lines to N characters. The default is the width of the terminal,
                          if the output is a terminal.
  --color, --no-color     Print with or without colours. By default, the output has colours if
                          it is a terminal.

Selection; all of these conditions must hold:
  --filter EXPRESSION     Show what matches an expression, for example
                          dir == c2s and type == text and payload contains \"error\".
                          The documentation (docs/inspection.md) lists fields and comparisons.
  --connection N          The connection has this number, for example 3, or 3.5 for a stream of
                          HTTP/2. The option may be given several times.
  --host TEXT             The request of the connection has TEXT in its Host.
  --dir c2s|s2c           The direction is from the client to the server, or the opposite one.
  --type NAME,...         The type is one of text, binary, continuation, close, ping, pong and
                          reserved.
  --size MIN..MAX         The payload has so many bytes on the wire, for example 100, 1K.. or
                          ..64K.
  --since S, --until S    The time is so many seconds after the first packet of a connection
                          that is shown.
  --grep TEXT             The payload contains TEXT.

Output files:
  --har FILE              Write a HAR file of the messages.
  --jsonl FILE            Write JSON lines with all payloads, in addition to the output.
  --extract FOLDER        Write the payload of each message to a file of its own in FOLDER.

Input:
  --open                  Show the file in the inspector page, in a browser. Only the native
                          program has this option.
  --follow                Wait for more bytes at the end of the file, until the command is
                          interrupted.
  --keys FILE             Read TLS keys from a file of the form of SSLKEYLOGFILE. The option may
                          be given several times.
  --strict                Stop at the first violation.
  --no-handshake          The raw files begin with a frame.
  --first c2s|s2c         The direction of the first raw file. A handshake or a masked frame
                          shows the direction, so this option is for other files.
  --deflate               With --no-handshake, read the frames as the peers do that agreed on
                          permessage-deflate.

A violation does not hide anything: it is shown in its place, with the value found and the
value expected, and reading goes on wherever the next frame can be known.

Exit status: 0 if no rule was broken, 1 if rules were broken, 2 if the command line makes no
sense, or a file can't be read or written or is damaged.
";

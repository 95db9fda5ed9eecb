/** What the command can do, in words. */

export const help = `wscodec - looks into recorded WebSocket conversations

Usage: wscodec inspect [options] FILE [FILE]

The files hold the bytes of one TCP connection as they were on the wire: one
what the client sent, the other what the server sent. One of them alone will
do. "-" is standard input. They begin with the opening handshake, by which
their directions are told apart, so they may come in any order.

It prints the handshake with what was agreed on; a line for each frame, first
all from client to server (c2s), then all from server to client (s2c), since
the files say nothing about time; and totals. A line tells the direction, the
offset of the frame's first byte in its file, the opcode, FIN, the reserved
bits, whether it is masked, the length of the payload, and its beginning: text
in quotes and escaped, anything else in hexadecimal. Compressed messages are
inflated as the handshake agreed on it: "to N" tells the length then.

What to show
  --messages         whole messages instead of data frames
  --json             one JSON object a line; INSPECT.md documents them
  --limit N          at most N lines of frames or messages for each direction;
                     the totals still count all
  --preview N        at most N bytes of each payload; default 64 of text and
                     32 of anything else
  --no-inflate       compressed messages as they are
  --color            colours, even if the output is no terminal
  --no-color         no colours, even if it is

How to read
  --no-handshake     the files begin with a frame: the first file is c2s, the
                     second s2c. The direction of a single one is told by
                     whether its first frame is masked
  --dir c2s|s2c      the direction of the first file, where its bytes do not
                     tell or should not be asked
  --deflate          permessage-deflate was agreed on: messages may be
                     compressed (RSV1), as a handshake would say
  --rsv N            these reserved bits may be set: RSV1 is 4, RSV2 is 2,
                     RSV3 is 1
  --max-frame N      a frame with more bytes of payload is an error
  --max-message N    so is a message; both have no limit by default, for
                     nothing is held. N may end in K, M or G

  -h, --help         this text
  -V, --version      the version

\`serve\` and \`connect\` are commands of the native program of the same name:
cargo install wscodec-cli

Exit status
  0  the conversation is in order
  1  there is a fault in it: it is shown with its offset, code and close code,
     after everything before it; the other direction is shown all the same
  2  the command was not used rightly, or a file can't be read

Examples
  wscodec inspect client.bin server.bin
  wscodec inspect --messages --limit 20 client.bin server.bin
  wscodec inspect --json client.bin server.bin | jq 'select(.type == "error")'
  wscodec inspect --no-handshake --dir s2c --deflate - < frames.bin
`;

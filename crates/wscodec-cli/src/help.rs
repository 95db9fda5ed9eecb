//! What `--help` says.

pub(crate) const VERSION: &str = concat!("wscodec ", env!("CARGO_PKG_VERSION"), "\n");

pub(crate) const ALL: &str = "\
WebSockets from the command line.

Usage: wscodec serve [OPTION...]
       wscodec connect [OPTION...] URL
       wscodec inspect [OPTION...] FILE...
       wscodec --help | --version

`wscodec serve --help`, `wscodec connect --help` and `wscodec inspect --help` list the options.

Exit status: 0 for success, 1 if it could not be done, 2 if the command line makes no sense.
";

pub(crate) const SERVE: &str = "\
An echo server: sends every message back, or with --broadcast to all clients.

Usage: wscodec serve [OPTION...]

  --listen ADDRESS        Where to listen, such as 127.0.0.1:9001 (the default), 0.0.0.0:80
                          or [::]:9001; may be given several times. Port 0 takes a free one.
                          unix:PATH listens on a Unix socket. Sockets that systemd hands over
                          (LISTEN_FDS) are served without this option.
  --reuse-port            Share the addresses with other servers that ask for it too
                          (SO_REUSEPORT).
  --tls-cert FILE, --tls-key FILE
                          Speak TLS (wss) on all addresses, with the certificate chain and the
                          private key in these PEM files. SIGHUP reads them again.
  --broadcast             Send every message to all clients, its sender among them.
  --protocol NAME         A subprotocol to speak; may be given several times.
  --origin ORIGIN         Whom browsers may connect for: any (the default: there is nothing
                          to steal from an echo), same (the same host and port), or an
                          origin such as https://example.com, several times.
  --allow-host HOST       A host that clients reach the server by, such as example.com or
                          example.com:8080; may be given several times. Requests for other hosts
                          get status 421, which stops DNS rebinding. Default: any host.

Compression (permessage-deflate):
  --no-deflate            Never compress.
  --window BITS           The largest window in both directions, 8 to 15; default 15.
  --no-takeover           Each message by itself, in both directions.
  --level N               From 1 (quickest) to 9 (smallest); default 6.
  --threshold BYTES       Shorter messages are sent as they are; default 64.
  --memory MODE           shared: one engine for all connections of a loop, and at most
                          --history of each (the default). dedicated: quickest, and some
                          hundred KiB for each connection.
  --history BITS          With shared memory, what is kept of what was sent; default 12,
                          which is 4 KiB.

Limits (bytes may end in K, M or G; times are in seconds, and above 0):
  --max-message BYTES     Default 64M; close code 1009.
  --max-frame BYTES       Default: what a message needs; close code 1009.
  --max-fragments N       Frames of a message; default 131072; close code 1008.
  --max-inflation N       How many times its size a message may inflate to, above 1 MiB;
                          default: no limit but --max-message; close code 1009.
  --max-head BYTES        Of a request; default 16K; status 431.
  --max-connections N     Default 100000; status 503.
  --max-per-address N     Connections of one address; default 16384; status 429. A server
                          behind a proxy needs none.
  --max-opening-per-address N
                          The same for those that have not sent their request; default 4096.
  --max-memory BYTES      What all connections together may hold; default 1G.
                          Past it, status 503 for new ones, and close code 1013 for those that
                          come to hold more.
  --handshake-timeout S   Default 10; status 408.
  --close-timeout S       How long a peer may take to answer a close frame; default 10.
  --idle-timeout S        Close with 1001 when no message comes for that long; default never.
  --heartbeat S           Ping when nothing comes for that long; default never.
  --pong-timeout S        How long a pong may take; default 20.
  --max-buffered BYTES    What may be queued for a peer that does not read; default 16M, or the
                          largest message if that is more. A peer for which more is queued is
                          dropped.
  --pause-reading-when-full
                          Stop reading from a peer while 64K or more are queued for it, instead
                          of queueing up to --max-buffered.
  --stall-timeout S       How long a peer may read nothing; default 30.
  --dangerously-accept-unmasked
                          Take frames from clients that are not masked. Not for the internet.

Running:
  --loops N               Event loops, a thread each; default one for each core.
  --grace S               How long connections may take to close at the end, 0 for no time at
                          all; default 5.
  --stop-on-eof           Stop when standard input ends, besides SIGINT and SIGTERM.
  --metrics               Answer GET /metrics with figures in the OpenMetrics format, and GET
                          /healthz with 200. Whoever reaches the server can read them.
  --stats S               Write figures every S seconds.
  --log LEVEL             off, error, warn, info (one line for each connection that opens or
                          ends), debug, trace; to standard error. Default error.
";

pub(crate) const CONNECT: &str = "\
A client: sends each line of standard input as a text message, and prints each message that
it receives. It closes the connection at the end of standard input.

Usage: wscodec connect [OPTION...] URL

  URL                     Such as ws://localhost:9001/path, or wss:// for TLS. The user and
                          password of ws://user:password@host/ are sent as
                          `Authorization: Basic`.

Request:
  -H, --header 'NAME: VALUE'
                          A header of the request, such as Authorization, Cookie or Origin;
                          may be given several times. Host replaces the URL's.
  --ca FILE               The authorities to trust for wss, in PEM; default: the system's.
  --cert FILE, --key FILE The client's own certificate chain and key, in PEM; the key may be in
                          the file of the certificate.
  --insecure              Accept any certificate, with a warning. With the environment variable
                          SSLKEYLOGFILE, secrets are appended to the file that it names.
  --protocol NAME         A subprotocol to offer; may be given several times.
  --timeout S             How many seconds connecting and the handshake may take, each;
                          above 0; default 10.

Input:
  --binary                Send all of standard input as one binary message, in fragments of
                          64 KiB. An empty input sends none.
  --binary-lines          Send each line as a binary message, without its line end.
  --json-lines            Each line of standard input is a JSON object, and so is each line of
                          standard output. They have a type: text (with a member text), binary
                          (base64), ping (base64), close (code, reason); the output has open
                          (protocol), pong and the time in seconds since 1970 as well.
  --wait S                Stay for S seconds after the end of standard input, and print the
                          messages that are received; default 0.
  --no-close              Stay until the server closes the connection.

  A line that is not UTF-8 can't be a text message: it ends the run with status 1, and no
  line after it is sent. So does a line that is not such an object with --json-lines.

Output:
  --escape WHEN           always: print one message a line, and write control characters and
                          others that a terminal acts upon as \\n or \\u001b, and bytes that are
                          not UTF-8 as \\xff. never: print messages as they are received, text
                          with a line end and binary without. auto (the default): always if
                          standard output is a terminal.
  -v, --verbose           Report other events, on standard error.

Connection (bytes may end in K, M or G; times are in seconds, and above 0):
  --reconnect S           Connect again S seconds after a connection was lost or could not be
                          made, as often as need be. Lines that were on their way are lost. It
                          is over when the server closes with another code than 1001 or 1011
                          to 1014, or refuses with a status that a retry does not change.
  --ping S                Ping when nothing is received for S seconds, and give up when
                          nothing is received after that; default never.
  --close-timeout S       How long the server may take to answer a close frame; default 10.
  --max-message BYTES     Default 64M.
  --max-frame BYTES       Default: what a message needs.

Compression (permessage-deflate):
  --no-deflate            Do not offer compression.
  --window BITS           The largest window in both directions, 8 to 15; default 15.
  --no-takeover           Compress each message by itself, in both directions.
  --level N               From 1 (fastest) to 9 (smallest); default 6.
  --threshold BYTES       Send shorter messages without compression; default 64.

SIGINT and SIGTERM close the connection with 1001; a second one ends the program at once.
The exit status is 0 if the connection was closed with 1000, 1001 or without a code, and all
of the input was sent.
";

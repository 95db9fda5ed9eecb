//! Messages of any length, in both directions, without the memory for them: an upload is summed up as it
//! arrives, and a download is sent as fast as the client reads it.
//!
//! ```sh
//! cargo run --package wscodec-server --example transfer -- 127.0.0.1:9001
//! cargo run -- connect --binary ws://127.0.0.1:9001/ < large.file    # tells its length and its sum
//! echo 1000000000 | cargo run -- connect ws://127.0.0.1:9001/ | wc -c    # sends that many bytes
//! ```

use wscodec::frame::OpCode;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef};
use wscodec::session::Piece;
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Server, ServerOptions};

/// Bytes of a fragment.
const FRAGMENT: u64 = 16 << 10;
/// Digits of the longest download.
const DIGITS: usize = 12;

struct Transfer;

/// Kept for each connection.
#[derive(Default)]
struct Progress {
    /// The digits of a request for a download; `None` during an upload.
    digits: Option<String>,
    /// Bytes of the upload so far, and their sum.
    received: (u64, u64),
    /// Bytes of the download that were not sent yet, and whether its first fragment was.
    left: u64,
    begun: bool,
}

impl Handler for Transfer {
    type State = Progress;

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Progress, NotAccepted> {
        Ok(Progress::default())
    }

    /// Not called: messages come in pieces.
    fn message(&mut self, _: &mut Peer<'_, Progress>, _: MessageRef<'_>) {}

    fn piece(&mut self, peer: &mut Peer<'_, Progress>, piece: Piece<'_>) {
        let state = &mut *peer.state;
        match piece {
            Piece::Frame(header) => match header.opcode {
                OpCode::Text => state.digits = Some(String::new()),
                OpCode::Binary => (state.digits, state.received) = (None, (0, 0)),
                _ => {} // a further fragment, or a control frame
            },
            Piece::Data(data) => match &mut state.digits {
                Some(digits) if digits.len() + data.len() <= DIGITS => {
                    digits.extend(data.iter().map(|&byte| char::from(byte)));
                }
                Some(digits) => *digits = "too many".to_owned(),
                None => {
                    let sum: u64 = data.iter().map(|&byte| u64::from(byte)).sum();
                    state.received.0 += data.len() as u64;
                    state.received.1 += sum;
                }
            },
            Piece::End => match state.digits.take().map(|digits| digits.trim().parse()) {
                None => {
                    let (len, sum) = state.received;
                    let _ = peer.outbox.text(&format!("{len} bytes, sum {sum}"));
                }
                // One download at a time: its fragments can't mix with those of another message.
                Some(Ok(len)) if state.left == 0 => {
                    state.left = len;
                    self.drain(peer);
                }
                Some(_) => {
                    let _ = peer.outbox.ping(b"one number at a time");
                }
            },
            _ => {}
        }
    }

    /// The client has read everything that was queued: the next part of the download.
    fn drain(&mut self, peer: &mut Peer<'_, Progress>) {
        while peer.state.left > 0 && !peer.is_full() {
            let part = [b'.'; FRAGMENT as usize];
            let part = &part[..peer.state.left.min(FRAGMENT) as usize];
            peer.state.left -= part.len() as u64;
            let sent = match (peer.state.begun, peer.state.left) {
                (false, 0) => peer.outbox.binary(part),
                (false, _) => peer.outbox.begin(Kind::Binary, part),
                (true, 0) => peer.outbox.finish(part),
                (true, _) => peer.outbox.more(part),
            };
            peer.state.begun = peer.state.left > 0;
            if sent.is_err() {
                return; // The connection is closing.
            }
        }
    }
}

pub(crate) fn serve(
    mut options: ServerOptions<'_>,
    started: impl FnOnce(&Server<'_>),
) -> std::io::Result<()> {
    options.pieces = true;
    options.session.limits.message = 1 << 40;
    options.policy = options.policy.without_compression();
    let server = Server::bind(options)?;
    started(&server);
    server.run(|_| Transfer)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    serve(ServerOptions::new(listen), |server| {
        println!("listening on ws://{}", server.addresses()[0]);
    })?;
    Ok(())
}

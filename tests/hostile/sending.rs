//! Commands of the application: hostile 36.

use std::net::SocketAddr;
use std::thread;

use wscodec::CloseCode;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Server, ServerOptions};

use crate::wire::{close, converse, request, text};

/// Closes as it is told, and tells why it could not.
struct Closing;

impl Handler for Closing {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        let (code, len) = message.text().unwrap().split_once(' ').unwrap();
        let code = CloseCode::new(code.parse().unwrap());
        let reason = "x".repeat(len.parse().unwrap());
        if let Err(error) = peer.outbox.close(code, &reason) {
            peer.outbox.text(error.code()).unwrap();
        }
    }
}

#[test]
fn hostile_36_close_frames_that_must_not_be_sent() {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.loops = 1;
    let server = Server::bind(options).unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = thread::spawn(move || server.run(|_| Closing).unwrap());
    let asked = |asked: &str| {
        converse(
            address,
            &[request(""), text(asked), close(3999, b"")].concat(),
        )
    };
    for (what, why) in [
        ("1005 0", "CLOSE_CODE_NOT_SENDABLE"),
        ("1006 0", "CLOSE_CODE_NOT_SENDABLE"),
        ("1015 0", "CLOSE_CODE_NOT_SENDABLE"),
        ("999 0", "CLOSE_CODE_NOT_SENDABLE"),
        ("5000 0", "CLOSE_CODE_NOT_SENDABLE"),
        ("1000 124", "CLOSE_REASON_TOO_LONG"),
    ] {
        let answer = asked(what);
        assert_eq!(answer.messages(), [why.as_bytes()], "{what}");
        assert_eq!(answer.code(), 3999, "nothing of it was sent");
    }
    let answer = asked("4999 123");
    assert_eq!((answer.code(), answer.frames[0].1.len()), (4999, 125));
    handle.stop();
    running.join().unwrap();
}

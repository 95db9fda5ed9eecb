//! A chat room on the event loop: what one says, all hear. Each connection has a name, which it
//! gives in the request, as in `ws://localhost:9001/?Ada`.
//!
//! `cargo run --package wscodec-server --example broadcast`, and then in several terminals
//! `cargo run -- connect 'ws://localhost:9001/?Ada'`.

use wscodec::deflate::{self, DeflateOptions};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, NotAccepted, Peer, Response, Server, ServerOptions,
};

/// One for each event loop; what a loop hears, the server's handle carries to the others.
struct Room;

/// Kept for each connection.
struct Guest {
    name: String,
}

impl Handler for Room {
    type State = Guest;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Guest, NotAccepted> {
        match request.query() {
            Some(name) if (1..=20).contains(&name.len()) => Ok(Guest {
                name: name.to_owned(),
            }),
            _ => Err(Response::new(400).text("who are you? /?NAME\n").into()),
        }
    }

    fn open(&mut self, peer: &mut Peer<'_, Guest>) {
        let name = &peer.state.name;
        let text = format!("{name} is here");
        say(peer, &text);
    }

    fn message(&mut self, peer: &mut Peer<'_, Guest>, message: MessageRef<'_>) {
        match message.text() {
            Some(text) => {
                let text = format!("{}: {text}", peer.state.name);
                say(peer, &text);
            }
            None => {
                let _ = peer.outbox.text("text only, please");
            }
        }
    }

    fn close(&mut self, _: Id, state: Guest, outcome: &Outcome<'_>) {
        println!("{} left: {}", state.name, outcome.code.value());
    }
}

/// Framed and compressed once, for all.
fn say(peer: &mut Peer<'_, Guest>, text: &str) {
    if let Ok(message) = deflate::prepare_text(text, &DeflateOptions::default()) {
        // It fails if the server holds as much memory as it may. Then nobody gets this line.
        let _ = peer.broadcast(&message);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let server = Server::bind(ServerOptions::new(listen))?;
    println!("listening on ws://{}", server.addresses()[0]);
    server.run(|_| Room)?;
    Ok(())
}

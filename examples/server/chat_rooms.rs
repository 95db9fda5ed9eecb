//! A chat with rooms over TLS, with a health check and metrics. The path is the room, and the query is
//! the name: `wss://localhost:9443/tea?Ada`. `GET /healthz` and `GET /metrics` answer on the same port.
//!
//! ```sh
//! cargo run --package wscodec-server --features tls --example chat_rooms -- \
//!     127.0.0.1:9443 certificate.pem key.pem
//! cargo run -- connect --ca certificate.pem 'wss://localhost:9443/tea?Ada'
//! ```

use std::time::Duration;

use wscodec::deflate::{self, DeflateOptions};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, NotAccepted, Peer, PlainRequest, Response, Server, ServerHandle,
    ServerOptions, ServerTls,
};

/// One for each event loop. Members of a room may be served by different loops: the handle reaches
/// all of them.
struct Chat(ServerHandle);

/// Kept for each connection.
struct Guest {
    room: String,
    name: String,
}

impl Chat {
    /// Sends a line to all members of a room. It is framed and compressed once.
    fn say(&self, room: &str, line: &str) {
        if let Ok(message) = deflate::prepare_text(line, &DeflateOptions::default()) {
            // It fails if the server holds as much memory as it may. Then nobody gets this line.
            let _ = self.0.publish(room, &message);
        }
    }
}

impl Handler for Chat {
    type State = Guest;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Guest, NotAccepted> {
        match request.query() {
            Some(name) if (1..=20).contains(&name.len()) => Ok(Guest {
                room: request.path().to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(Response::new(400).text("The path is /ROOM?NAME.\n").into()),
        }
    }

    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        match (request.method(), request.path()) {
            ("GET" | "HEAD", "/healthz") => Some(Response::new(200).text("well\n")),
            ("GET" | "HEAD", "/metrics") => Some(handle.metrics().response()),
            _ => None,
        }
    }

    fn open(&mut self, peer: &mut Peer<'_, Guest>) {
        peer.subscribe(&*peer.state.room);
        let line = format!("{} is here", peer.state.name);
        self.say(&peer.state.room, &line);
    }

    fn message(&mut self, peer: &mut Peer<'_, Guest>, message: MessageRef<'_>) {
        match message.text() {
            Some(text) => {
                let line = format!("{}: {text}", peer.state.name);
                self.say(&peer.state.room, &line);
            }
            None => {
                let _ = peer.outbox.text("text only, please");
            }
        }
    }

    fn close(&mut self, _: Id, guest: Guest, _: &Outcome<'_>) {
        self.say(&guest.room, &format!("{} has left", guest.name));
    }
}

pub(crate) fn serve(
    mut options: ServerOptions<'_>,
    tls: &ServerTls,
    started: impl FnOnce(&Server<'_>),
) -> std::io::Result<()> {
    options.session.limits.message = 4096;
    options.session.heartbeat = Some(Duration::from_secs(30));
    let mut server = Server::bind(options)?;
    server.use_tls(tls);
    started(&server);
    let handle = server.handle();
    server.run(|_| Chat(handle.clone()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [listen, certificate, key] = &arguments[..] else {
        return Err("usage: chat_rooms ADDRESS:PORT CERTIFICATE KEY".into());
    };
    // `tls.reload()` from another thread reads a renewed certificate.
    let tls = ServerTls::from_files(certificate, key)?;
    serve(ServerOptions::new(listen.parse()?), &tls, |server| {
        println!("listening on wss://{}", server.addresses()[0]);
    })?;
    Ok(())
}

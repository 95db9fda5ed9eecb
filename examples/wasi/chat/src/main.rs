//! A chat with rooms. The path is the room, and the query is the name: `ws://127.0.0.1:9001/tea?Ada`.
//!
//! ```sh
//! cargo build --release --package wasi-chat --target wasm32-wasip2
//! wasmtime run -S inherit-network target/wasm32-wasip2/release/wasi-chat.wasm 127.0.0.1:9001
//! ```
//!
//! A component has one thread and one event loop. So this handler sees every connection, and its
//! fields need no lock. The server stops when its standard input ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::time::Duration;

use wscodec::deflate::{self, DeflateOptions};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, NotAccepted, Peer, PlainRequest, Response, Server, ServerHandle,
    ServerOptions,
};

/// Lines that a new guest reads.
const HISTORY: usize = 20;
/// Characters of a name, and of the path of a room.
const LONGEST: usize = 20;

struct Chat {
    rooms: BTreeMap<String, Room>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Room {
    /// The names of those who are in the room.
    names: BTreeSet<String>,
    lines: VecDeque<String>,
}

/// Kept for each connection.
struct Guest {
    room: String,
    name: String,
}

impl Chat {
    /// Sends a line to all guests of a room. The message is framed and compressed once.
    fn say(&mut self, room: &str, line: String) {
        if let Ok(message) = deflate::prepare_text(&line, &DeflateOptions::default()) {
            // It fails if the server holds as much memory as it may. Then nobody gets this line.
            let _ = self.handle.publish(room, &message);
        }
        if let Some(room) = self.rooms.get_mut(room) {
            if room.lines.len() == HISTORY {
                room.lines.pop_front();
            }
            room.lines.push_back(line);
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
        let is_name = |text: &str| {
            let character = |it: char| it.is_ascii_alphanumeric() || it == '-';
            (1..=LONGEST).contains(&text.len()) && text.chars().all(character)
        };
        let room = request.path().strip_prefix('/');
        let parts = room.zip(request.query());
        let parts = parts.filter(|(room, name)| is_name(room) && is_name(name));
        let Some((room, name)) = parts else {
            return Err(Response::new(400).text("The path is /ROOM?NAME.\n").into());
        };
        let taken = self
            .rooms
            .get(room)
            .is_some_and(|it| it.names.contains(name));
        if taken {
            return Err(Response::new(409).text("The name is taken.\n").into());
        }
        let (room, name) = (room.to_owned(), name.to_owned());
        Ok(Guest { room, name })
    }

    /// For load balancers. The policy of origins does not apply to such requests.
    fn request(&mut self, request: &PlainRequest<'_>, _: &ServerHandle) -> Option<Response> {
        match (request.method(), request.path()) {
            ("GET" | "HEAD", "/healthz") => Some(Response::new(200).text("well\n")),
            _ => None,
        }
    }

    /// Follows `accept` at once, so nobody else has taken the name. `close` is called for every
    /// connection for which this was.
    fn open(&mut self, peer: &mut Peer<'_, Guest>) {
        peer.subscribe(&*peer.state.room);
        let room = self.rooms.entry(peer.state.room.clone()).or_default();
        room.names.insert(peer.state.name.clone());
        for line in &room.lines {
            // It fails only if there is no memory. Then the event loop closes the connection.
            let _ = peer.outbox.text(line);
        }
        let line = format!("{} is here", peer.state.name);
        self.say(&peer.state.room, line);
    }

    fn message(&mut self, peer: &mut Peer<'_, Guest>, message: MessageRef<'_>) {
        match message.text() {
            Some(text) => {
                let line = format!("{}: {text}", peer.state.name);
                self.say(&peer.state.room, line);
            }
            None => {
                let _ = peer.outbox.text("This chat is for text.");
            }
        }
    }

    fn close(&mut self, _: Id, guest: Guest, _: &Outcome<'_>) {
        if let Some(room) = self.rooms.get_mut(&guest.room) {
            room.names.remove(&guest.name);
            if room.names.is_empty() {
                self.rooms.remove(&guest.room);
            }
        }
        self.say(&guest.room, format!("{} has left", guest.name));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let mut options = ServerOptions::new(listen);
    options.stop_on_eof = true;
    // A second loop would have another handler, with rooms of its own.
    options.loops = 1;
    options.session.limits.message = 4096;
    options.session.heartbeat = Some(Duration::from_secs(30));
    let server = Server::bind(options)?;
    println!("listening on ws://{}", server.addresses()[0]);
    let handle = server.handle();
    server.run(|_| Chat {
        rooms: BTreeMap::new(),
        handle: handle.clone(),
    })?;
    Ok(())
}

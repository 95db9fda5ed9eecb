//! A chat: what one says, all others hear. Each line is framed once for all of them.
//!
//! ```sh
//! cargo run --example chat -- 127.0.0.1:9001
//! ```

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

use wscodec::io::{Acceptor, Error, WriteHalf};
use wscodec::message::Prepared;

type Member = (u64, WriteHalf<TcpStream>);

/// The guests.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<Mutex<(u64, Vec<Member>)>>);

impl Room {
    fn enter(&self, half: WriteHalf<TcpStream>) -> u64 {
        let mut room = self.0.lock().unwrap();
        room.0 += 1;
        let id = room.0;
        room.1.push((id, half));
        id
    }

    fn leave(&self, id: u64) {
        self.0.lock().unwrap().1.retain(|(member, _)| *member != id);
    }

    /// Tells everybody but `from`. Who can't be told is out.
    fn tell(&self, from: u64, line: &str) -> Result<(), Error> {
        let message = Prepared::text(line)?;
        let mut room = self.0.lock().unwrap();
        room.1
            .retain_mut(|(member, half)| *member == from || half.prepared(&message).is_ok());
        Ok(())
    }
}

pub(crate) fn serve(stream: TcpStream, room: &Room) -> Result<(), Error> {
    let mut acceptor = Acceptor::default();
    // Nobody waits for long for one who does not read.
    acceptor.options.write_timeout = Some(Duration::from_secs(2));
    acceptor.options.session.heartbeat = Some(Duration::from_secs(30));
    acceptor.options.session.limits.message = 4096;
    let (mut reader, half) = acceptor.accept(stream)?.split()?;
    let id = room.enter(half);
    let result = listen(&mut reader, id, room);
    room.leave(id);
    room.tell(id, &format!("{id} left"))?;
    result
}

fn listen(
    reader: &mut wscodec::io::ReadHalf<TcpStream>,
    id: u64,
    room: &Room,
) -> Result<(), Error> {
    room.tell(id, &format!("{id} entered"))?;
    while let Some(message) = reader.read()? {
        if let Some(text) = message.text() {
            room.tell(id, &format!("{id}: {text}"))?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    let room = Room::default();
    for stream in listener.incoming() {
        let (stream, room) = (stream?, room.clone());
        thread::spawn(move || {
            if let Err(error) = serve(stream, &room) {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
    Ok(())
}

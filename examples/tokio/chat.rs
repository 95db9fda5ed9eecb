//! A chat whose rooms are the paths. Ctrl-C closes all connections with 1001 and waits for them.
//!
//! `cargo run --package wscodec-tokio --example tokio_chat`

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use wscodec::CloseCode;
use wscodec::message::Prepared;
use wscodec_tokio::{Acceptor, Error, Message};

type Rooms = Arc<Mutex<HashMap<String, broadcast::Sender<Prepared>>>>;

/// Serves until `stop` changes, and then until all clients have closed.
pub(crate) async fn serve(listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let (rooms, mut clients) = (Rooms::default(), JoinSet::new());
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                clients.spawn(talk(stream, rooms.clone(), stop.clone()));
            }
            Some(ended) = clients.join_next() => {
                if let Ok(Err(error)) = ended {
                    eprintln!("{error} ({})", error.code());
                }
            }
            _ = stop.changed() => break,
        }
    }
    while clients.join_next().await.is_some() {}
}

type Stop = watch::Receiver<bool>;

async fn talk(stream: TcpStream, rooms: Rooms, mut stop: Stop) -> Result<(), Error> {
    let incoming = Acceptor::default().read_request(stream).await?;
    let room = incoming.request().target().to_owned();
    let mut ws = incoming.accept().await?;
    let room = {
        let mut rooms = rooms.lock().expect("nothing panics while it is locked");
        let room = rooms.entry(room);
        room.or_insert_with(|| broadcast::channel(64).0).clone()
    };
    let mut news = room.subscribe();
    loop {
        tokio::select! {
            message = ws.recv() => match message.transpose()? {
                // Framed once for all, and without compression.
                Some(Message::Text(text)) => drop(room.send(Prepared::text(&text)?)),
                Some(_) => {}
                None => return Ok(()),
            },
            // An error says that the client reads too slowly; it goes on with newer messages.
            said = news.recv() => if let Ok(said) = said {
                ws.prepared(&said).await?;
            },
            _ = stop.changed() => {
                ws.close(CloseCode::GOING_AWAY, "the server stops").await?;
                return Ok(());
            }
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9001").await?;
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, stopped));
    tokio::signal::ctrl_c().await?;
    let _ = stop.send(true);
    let _ = serving.await;
    Ok(())
}

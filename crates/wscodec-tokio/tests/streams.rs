//! Messages in pieces, prepared messages, and bytes over messages.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use wscodec::CloseCode;
use wscodec::frame::Role;
use wscodec::message::{Kind, Prepared};
use wscodec_tokio::{Acceptor, Connector, Message, Piece, WebSocket};

fn pair(pipe: usize) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (here, there) = tokio::io::duplex(pipe);
    (
        WebSocket::from_stream(here, Role::Server).unwrap(),
        WebSocket::from_stream(there, Role::Client).unwrap(),
    )
}

#[tokio::test]
async fn messages_in_pieces() {
    let (mut server, mut client) = pair(1 << 20);
    client
        .begin(Kind::Text, "hällo".as_bytes().split_at(2).0)
        .await
        .unwrap();
    client.ping("?").await.unwrap();
    client.more("hällo".as_bytes().split_at(2).1).await.unwrap();
    assert_eq!(
        client.send("other").await.unwrap_err().code(),
        "MESSAGE_UNFINISHED"
    );
    client.finish(b"!").await.unwrap();
    client.send("whole").await.unwrap();
    let (mut text, mut pings) = (Vec::new(), 0);
    assert_eq!(
        server.recv_piece().await.unwrap().unwrap(),
        Piece::Begin(Kind::Text)
    );
    assert_eq!(
        server.recv().await.unwrap().unwrap_err().code(),
        "MESSAGE_IN_PIECES"
    );
    loop {
        match server.recv_piece().await.unwrap().unwrap() {
            Piece::Data(data) => text.extend_from_slice(&data),
            Piece::Ping(_) => pings += 1,
            Piece::End => break,
            piece => panic!("{piece:?}"),
        }
    }
    assert_eq!((&text[..], pings), ("hällo!".as_bytes(), 1));
    assert_eq!(
        server.recv().await.unwrap().unwrap(),
        Message::text("whole")
    );
    assert!(client.recv().await.unwrap().unwrap().is_pong());
}

#[tokio::test]
async fn a_prepared_message_goes_to_many() {
    let prepared = Prepared::text("news").unwrap();
    for _ in 0..3 {
        let (mut server, mut client) = pair(100);
        server.prepared(&prepared).await.unwrap();
        assert_eq!(client.recv().await.unwrap().unwrap(), Message::text("news"));
        client.prepared(&prepared).await.unwrap();
        assert_eq!(server.recv().await.unwrap().unwrap(), Message::text("news"));
    }
}

#[tokio::test]
async fn halves_in_two_tasks_and_the_reader_answers_alone() {
    let (server, mut client) = pair(64);
    let (mut sender, mut receiver) = server.split();
    let reading = tokio::spawn(async move {
        let mut texts = 0;
        while let Some(message) = receiver.next().await {
            texts += usize::from(message.unwrap().is_text());
        }
        (texts, receiver)
    });
    let mut other = sender.clone();
    let sending = tokio::spawn(async move {
        for i in 0..50_u8 {
            sender.send(Message::binary(vec![i; 1000])).await.unwrap();
        }
        SinkExt::<Message>::flush(&mut sender).await.unwrap();
        sender
    });
    let pinging = tokio::spawn(async move {
        for _ in 0..50 {
            other.feed("clone").await.unwrap();
        }
        other.flush().await.unwrap();
    });
    let (mut binaries, mut clones, mut pongs) = (0_u8, 0, 0);
    for _ in 0..50 {
        client.feed("hi").await.unwrap();
        client.feed(Message::Ping("?".into())).await.unwrap();
    }
    while (binaries, clones, pongs) != (50, 50, 50) {
        match client.recv().await.unwrap().unwrap() {
            Message::Binary(bytes) => {
                assert_eq!(bytes, vec![binaries; 1000]);
                binaries += 1;
            }
            Message::Text(text) => {
                assert_eq!(text, "clone");
                clones += 1;
            }
            message => {
                assert_eq!(message, Message::Pong("?".into()));
                pongs += 1;
            }
        }
    }
    assert!(client.close(CloseCode::NORMAL, "").await.unwrap().clean);
    let (texts, receiver) = reading.await.unwrap();
    assert_eq!(texts, 50);
    pinging.await.unwrap();
    let ws = receiver.reunite(sending.await.unwrap()).unwrap();
    assert!(ws.outcome().unwrap().clean);
}

/// Both directions end by themselves: one side ends its own, and goes on reading.
#[tokio::test]
async fn bytes_end_in_each_direction_by_itself() {
    for (first, pipe) in [
        (Role::Client, 64),
        (Role::Server, 64),
        (Role::Client, 1 << 20),
    ] {
        let (server, client) = pair(pipe);
        let (server, client) = (server.into_byte_stream(), client.into_byte_stream());
        let (mut one, mut two) = match first {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let sent: Vec<u8> = (0..200_000_u32).map(|i| (i / 7) as u8).collect();
        let expected = sent.clone();
        let echo = tokio::spawn(async move {
            let mut all = Vec::new();
            two.read_to_end(&mut all).await.unwrap();
            two.write_all(&all).await.unwrap();
            two.shutdown().await.unwrap();
            assert!(two.outcome().unwrap().clean);
        });
        one.write_all(&sent).await.unwrap();
        one.shutdown().await.unwrap();
        assert!(one.write_all(b"more").await.is_err());
        let mut back = Vec::new();
        one.read_to_end(&mut back).await.unwrap();
        assert!(back == expected);
        echo.await.unwrap();
        assert!(one.outcome().unwrap().clean);
    }
}

#[tokio::test]
async fn a_tunnel_by_copy_bidirectional() {
    let (server, client) = pair(1000);
    let (mut far, mut far_end) = tokio::io::duplex(100);
    let tunnel = tokio::spawn(async move {
        let mut stream = server.into_byte_stream();
        tokio::io::copy_bidirectional(&mut stream, &mut far)
            .await
            .unwrap()
    });
    let mut near = client.into_byte_stream();
    near.write_all(&[7; 5000]).await.unwrap();
    near.shutdown().await.unwrap();
    let mut there = Vec::new();
    far_end.read_to_end(&mut there).await.unwrap();
    assert_eq!(there, [7; 5000]);
    far_end.write_all(&[8; 3000]).await.unwrap();
    far_end.shutdown().await.unwrap();
    let mut back = Vec::new();
    near.read_to_end(&mut back).await.unwrap();
    assert_eq!(back, [8; 3000]);
    assert_eq!(tunnel.await.unwrap(), (5000, 3000));
}

#[tokio::test]
async fn text_is_an_error_among_bytes_and_a_lost_stream_too() {
    let (server, mut client) = pair(1000);
    let mut server = server.into_byte_stream();
    client.send("text").await.unwrap();
    let error = server.read(&mut [0; 10]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let (server, client) = pair(1000);
    let mut server = server.into_byte_stream();
    drop(client);
    let error = server.read(&mut [0; 10]).await.unwrap_err();
    assert!(error.to_string().contains("ended"), "{error}");
}

/// Events of the bytes that have arrived are reported, although no more bytes arrive.
#[tokio::test]
async fn the_last_pieces_do_not_wait_for_more_bytes() {
    let (here, there) = tokio::io::duplex(1 << 20);
    let acceptor = Acceptor::default();
    let connector = Connector::new();
    let (server, client) = tokio::join!(
        acceptor.accept(here),
        connector.connect_on(there, "ws://a/")
    );
    let (mut server, mut client) = (server.unwrap(), client.unwrap());
    assert!(client.deflate().is_some());
    // It inflates to many pieces.
    let long = "again and ".repeat(100_000);
    for text in ["a", &long] {
        client.send(text).await.unwrap();
        let mut got = Vec::new();
        loop {
            match server.recv_piece().await.unwrap().unwrap() {
                Piece::Begin(kind) => assert_eq!(kind, Kind::Text),
                Piece::Data(data) => got.extend_from_slice(&data),
                Piece::End => break,
                piece => panic!("{piece:?}"),
            }
        }
        assert!(got == text.as_bytes());
    }
    let (mut server, mut client) = (server.into_byte_stream(), client.into_byte_stream());
    client.write_all(long.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    let mut got = vec![0; long.len()];
    server.read_exact(&mut got).await.unwrap();
    assert!(got == long.as_bytes());
}

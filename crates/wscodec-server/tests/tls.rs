//! A server that speaks TLS, with the feature `tls`.

#![cfg(feature = "tls")]

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use support::tls::{Files, config, connect, echoes, serve};
use support::{REQUEST, open, options, raw};
use wscodec::CloseCode;
use wscodec_server::ServerTls;

#[test]
fn messages_of_every_size_pass_and_the_close_is_clean() {
    let (files, trusted) = Files::new("sizes");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let mut options = options();
    options.policy.deflate = None;
    let server = serve(options, &tls);
    let mut ws = connect(&trusted, server.address).unwrap();
    for len in [0, 1, 125, 16_000, 16_384, 65_536, 1 << 20, 5 << 20] {
        echoes(&mut ws, &vec![len as u8; len]);
    }
    ws.close(CloseCode::NORMAL, "").unwrap();
    while ws.read().unwrap().is_some() {}
    let mut second = connect(&trusted, server.address).unwrap();
    echoes(&mut second, b"hello");
    server.handle.stop();
    assert!(second.read().unwrap().is_none());
    assert_eq!(second.outcome().unwrap().code, CloseCode::GOING_AWAY);
    let metrics = server.handle.metrics();
    assert_eq!(metrics.stats.messages_in, 9);
}

#[test]
fn one_who_reads_late_gets_all_bytes_in_order() {
    let (files, trusted) = Files::new("late");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let mut options = options();
    options.loops = 1;
    options.policy.deflate = None;
    let server = serve(options, &tls);
    let ws = connect(&trusted, server.address).unwrap();
    // The kernel's buffers are full long before, at any byte of a record.
    let mut stream = support::tls::tls(config(&trusted), server.address);
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let sizes = (0..400_usize).map(|i| 1 + i * 977 % 60_000);
    for len in sizes.clone() {
        let mut frame = vec![0x82, 0xfe];
        frame.extend((len as u16).to_be_bytes());
        frame.extend([0; 4]);
        frame.resize(frame.len() + len, len as u8);
        match len {
            126.. => stream.write_all(&frame).unwrap(),
            _ => {
                let mut short = vec![0x82, 0x80 | len as u8, 0, 0, 0, 0];
                short.resize(short.len() + len, len as u8);
                stream.write_all(&short).unwrap();
            }
        }
    }
    thread::sleep(Duration::from_millis(200));
    for len in sizes {
        let mut head = vec![0; if len < 126 { 2 } else { 4 }];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload).unwrap();
        assert!(payload == vec![len as u8; len], "{len}");
    }
    drop(ws);
}

#[test]
fn certificates_are_renewed_while_it_runs() {
    let (files, old) = Files::new("renewed");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let server = serve(options(), &tls);
    let mut before = connect(&old, server.address).unwrap();
    let new = files.renew();
    assert!(connect(&new, server.address).is_err(), "not loaded yet");
    tls.reload().unwrap();
    echoes(
        &mut connect(&new, server.address).unwrap(),
        b"with the new one",
    );
    assert!(connect(&old, server.address).is_err());
    echoes(&mut before, b"with the old one");
    // Files that can't be used change nothing.
    fs::write(&files.key, "no key").unwrap();
    assert_eq!(tls.reload().unwrap_err().kind(), ErrorKind::InvalidData);
    fs::remove_file(&files.certificate).unwrap();
    assert_eq!(tls.reload().unwrap_err().kind(), ErrorKind::NotFound);
    echoes(
        &mut connect(&new, server.address).unwrap(),
        b"still the new one",
    );
}

#[test]
fn http_1_1_is_agreed_on_and_nothing_else() {
    let (files, trusted) = Files::new("alpn");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let server = serve(options(), &tls);
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], true),
        (&["h2"], false),
        (&[], true),
    ] {
        let mut config = config(&trusted);
        config.alpn_protocols = offered.iter().map(|it| it.as_bytes().to_vec()).collect();
        let mut stream = support::tls::tls(config, server.address);
        let sent = stream
            .write_all(REQUEST)
            .and_then(|()| stream.read(&mut [0; 12]));
        assert_eq!(sent.is_ok(), agreed, "{offered:?}");
        let expected = (agreed && !offered.is_empty()).then_some(&b"http/1.1"[..]);
        assert_eq!(stream.conn.alpn_protocol(), expected);
    }
}

#[test]
fn handshakes_that_are_wrong_or_slow_end_and_others_do_not_wait() {
    let (files, trusted) = Files::new("slow");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let mut options = options();
    options.loops = 1;
    options.handshake_timeout = Duration::from_millis(500);
    let server = serve(options, &tls);
    // Noise: an alert, and the end.
    for bytes in [&[0x16; 1000][..], b"\x16\x03\x01\xff\xff"] {
        let answer = raw(server.address, bytes);
        assert!(
            answer.len() < 20 && !answer.starts_with(b"HTTP"),
            "{answer:?}"
        );
    }
    // One that says nothing, and one that stops in the middle of its hello.
    let mut silent = open(server.address);
    let mut half = open(server.address);
    half.write_all(b"\x16\x03\x01\x02\x00\x01\x00").unwrap();
    let mut ws = connect(&trusted, server.address).unwrap();
    for _ in 0..100 {
        echoes(&mut ws, b"meanwhile");
    }
    for stream in [&mut silent, &mut half] {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"", "nothing that is not encrypted");
    }
    let metrics = server.handle.metrics();
    assert_eq!(metrics.stats.accepted, 1);
    assert_eq!(
        metrics.rejections.get(&(408, "HANDSHAKE_TOO_SLOW")),
        Some(&2)
    );
    echoes(&mut ws, b"afterwards");
}

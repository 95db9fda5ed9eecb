//! One endpoint: how it answers, how it ends, what it may hold.

mod common;

use core::time::Duration;

use common::rng::Rng;
use wscodec::frame::{FrameHeader, OpCode, encode};
use wscodec::message::{DangerouslyZero, Kind, MaskSource, Prepared, Unmasked};
use wscodec::session::{Event, Piece, Session, SessionOptions, SessionState};
use wscodec::{CloseCode, ErrorKind, LimitError, MisuseError, PeerError};

const KEY: [u8; 4] = [1, 2, 3, 4];

type Client = Session<fn() -> [u8; 4]>;

fn server() -> Session {
    Session::server(&SessionOptions::default())
}

fn client() -> Client {
    Session::client(|| KEY, &SessionOptions::default())
}

/// A frame from a client.
fn masked(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        mask: Some(KEY),
        ..FrameHeader::new(opcode, payload.len() as u64)
    };
    let mut bytes = vec![0; payload.len() + 14];
    let len = encode(header, payload, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

/// The events for `bytes`, as words, and the bytes that are sent for them.
fn feed<M: MaskSource>(session: &mut Session<M>, bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (mut bytes, mut out, mut seen) = (bytes.to_vec(), Vec::new(), Vec::new());
    let mut input = &mut bytes[..];
    loop {
        match session.receive(&mut input, &mut out) {
            Ok(Some((Event::Message(message), _))) => {
                seen.push(String::from_utf8_lossy(message.payload).into_owned());
            }
            Ok(Some((Event::Ping(payload), _))) => seen.push(format!("ping {}", payload.len())),
            Ok(Some((Event::Pong(payload), _))) => seen.push(format!("pong {}", payload.len())),
            Ok(Some((Event::Close(close), _))) => seen.push(match close {
                Some(close) => format!("close {} {}", close.code.value(), close.reason),
                None => "close".to_owned(),
            }),
            Ok(None) => return (seen, out),
            Err(fault) => {
                seen.push(fault.error.code().to_owned());
                return (seen, out);
            }
        }
    }
}

#[test]
fn a_close_is_answered_once_with_its_code_and_what_follows_is_dropped() {
    let mut session = server();
    let mut bytes = masked(OpCode::Close, b"\x0f\xa0bye");
    bytes.extend(masked(OpCode::Text, b"late"));
    bytes.extend(b"\xff\xff\xff nonsense");
    let (seen, out) = feed(&mut session, &bytes);
    assert_eq!(seen, ["close 4000 bye"]);
    assert_eq!(out, b"\x88\x05\x0f\xa0bye");
    assert_eq!(feed(&mut session, b"more"), (vec![], vec![]));
    let outcome = session.outcome().unwrap();
    assert_eq!((outcome.code.value(), outcome.reason), (4000, "bye"));
    assert_eq!(outcome.sent, Some(CloseCode::new(4000)));
    assert!(outcome.clean);
    assert_eq!(session.end(), Ok(()));
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_close_without_a_code_is_1005_here_and_nothing_on_the_wire() {
    let mut session = server();
    let (_, out) = feed(&mut session, &masked(OpCode::Close, b""));
    assert_eq!(out, b"\x88\x00");
    let outcome = session.outcome().unwrap();
    assert_eq!(outcome.code, CloseCode::NO_STATUS);
    assert_eq!(outcome.sent, Some(CloseCode::NO_STATUS));
    assert!(outcome.clean);
}

#[test]
fn both_close_at_once() {
    let (mut server, mut client) = (server(), client());
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    server
        .sender()
        .close(CloseCode::GOING_AWAY, "down", &mut to_client)
        .unwrap();
    client
        .sender()
        .close(CloseCode::NORMAL, "", &mut to_server)
        .unwrap();
    assert_eq!(
        (server.state(), client.state()),
        (SessionState::Closing, SessionState::Closing)
    );
    assert_eq!(server.outcome(), None);
    let (seen, out) = feed(&mut server, &to_server);
    assert_eq!((seen, out), (vec!["close 1000 ".to_owned()], vec![]));
    let (seen, out) = feed(&mut client, &to_client);
    assert_eq!((seen, out), (vec!["close 1001 down".to_owned()], vec![]));
    let outcome = client.outcome().unwrap();
    assert_eq!((outcome.code.value(), outcome.clean), (1001, true));
    assert_eq!(outcome.sent, Some(CloseCode::NORMAL));
}

#[test]
fn messages_still_come_while_we_close_and_pings_are_not_answered() {
    let mut session = server();
    session.sender().close(None, "", &mut Vec::new()).unwrap();
    let mut bytes = masked(OpCode::Text, b"last words");
    bytes.extend(masked(OpCode::Ping, b""));
    let (seen, out) = feed(&mut session, &bytes);
    assert_eq!((seen.len(), out.len()), (2, 0));
    assert_eq!(seen[0], "last words");
}

#[test]
fn nothing_is_sent_after_a_close_frame() {
    let mut session = server();
    session.sender().close(None, "", &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    let refused = Err(ErrorKind::from(MisuseError::Closing));
    assert_eq!(session.sender().text("x", &mut out), refused);
    assert_eq!(session.sender().binary(b"x", &mut out), refused);
    assert_eq!(session.sender().send(Kind::Text, b"x", &mut out), refused);
    assert_eq!(session.sender().begin(Kind::Text, b"x", &mut out), refused);
    assert_eq!(session.sender().more(b"x", &mut out), refused);
    assert_eq!(session.sender().finish(b"x", &mut out), refused);
    let prepared = Prepared::text("x").unwrap();
    assert_eq!(session.sender().prepared(&prepared, &mut out), refused);
    assert_eq!(
        session.sender().ping(b"x", &mut out),
        Err(MisuseError::Closing.into())
    );
    assert_eq!(
        session.sender().pong(b"x", &mut out),
        Err(MisuseError::Closing.into())
    );
    assert_eq!(
        session.sender().close(None, "", &mut out),
        Err(MisuseError::Closing.into())
    );
    assert!(out.is_empty());
}

#[test]
fn a_close_that_must_not_be_sent_changes_nothing() {
    let mut session = server();
    let mut out = Vec::new();
    for code in [1005, 1006, 1015, 999, 5000] {
        let refused = session.sender().close(CloseCode::new(code), "", &mut out);
        assert_eq!(refused, Err(MisuseError::CloseCodeNotSendable.into()));
    }
    let long = "x".repeat(124);
    let refused = session.sender().close(CloseCode::NORMAL, &long, &mut out);
    assert_eq!(refused, Err(MisuseError::CloseReasonTooLong.into()));
    let refused = session.sender().close(None, "why", &mut out);
    assert_eq!(refused, Err(MisuseError::CloseReasonAlone.into()));
    assert_eq!((session.state(), out.len()), (SessionState::Open, 0));
    assert_eq!(
        session
            .sender()
            .close(CloseCode::NORMAL, &long[1..], &mut out),
        Ok(())
    );
}

#[test]
fn a_broken_rule_is_told_to_the_peer_with_its_code_once() {
    let text = masked(OpCode::Text, b"\xff");
    let cases: [(&[u8], u16, &str); 3] = [
        (b"\x81\x00", 1002, "UNMASKED_FRAME"),
        (&text, 1007, "INVALID_UTF8"),
        (
            b"\x82\xff\x10\0\0\0\0\0\0\0\0\0\0\0",
            1009,
            "MESSAGE_TOO_LARGE",
        ),
    ];
    for (bytes, code, name) in cases {
        let mut session = server();
        let (seen, out) = feed(&mut session, bytes);
        assert_eq!(seen, [name]);
        assert_eq!(out[0], 0x88);
        assert_eq!(out[2..4], code.to_be_bytes());
        assert_eq!(session.state(), SessionState::Closed);
        let (seen, out) = feed(&mut session, bytes);
        assert_eq!(
            (&*seen, out.len()),
            (&[name.to_owned()][..], 0),
            "again, without a word"
        );
        let outcome = session.outcome().unwrap();
        assert_eq!(outcome.code, CloseCode::ABNORMAL);
        assert_eq!(outcome.sent, Some(CloseCode::new(code)));
        assert!(!outcome.clean);
        assert_eq!(outcome.fault.unwrap().error.code(), name);
    }
}

#[test]
fn a_fault_after_our_close_frame_sends_no_second_one() {
    let mut session = server();
    session
        .sender()
        .close(CloseCode::NORMAL, "", &mut Vec::new())
        .unwrap();
    let (seen, out) = feed(&mut session, b"\x81\x00");
    assert_eq!((&*seen[0], out.len()), ("UNMASKED_FRAME", 0));
    assert_eq!(session.outcome().unwrap().sent, Some(CloseCode::NORMAL));
}

#[test]
fn the_end_of_the_transport_is_1006_unless_a_close_frame_came() {
    let mut session = server();
    let fault = session.end().unwrap_err();
    assert_eq!(fault.error, PeerError::UnexpectedEof.into());
    assert_eq!(session.outcome().unwrap().code, CloseCode::ABNORMAL);
    assert_eq!(session.end(), Err(fault));

    let mut session = server();
    feed(&mut session, &masked(OpCode::Text, b"half")[..7]);
    assert_eq!(session.end().unwrap_err().offset, 7);

    let mut session = server();
    session.sender().close(None, "", &mut Vec::new()).unwrap();
    assert!(session.end().is_err(), "ours alone is not enough");
    assert!(!session.outcome().unwrap().clean);
}

#[test]
fn pings_are_answered_in_order_until_the_peer_stops_reading() {
    let mut session = server();
    let mut bytes = Vec::new();
    for i in 0..10 {
        bytes.extend(masked(OpCode::Ping, format!("ping {i}").as_bytes()));
    }
    let (_, out) = feed(&mut session, &bytes);
    let pongs: Vec<u8> = (0..10)
        .flat_map(|i| [&b"\x8a\x06"[..], format!("ping {i}").as_bytes()].concat())
        .collect();
    assert_eq!(out, pongs);

    // A flood into a buffer that nobody empties: bounded, and the newest is answered at last.
    let mut flood = masked(OpCode::Ping, &[7; 125]).repeat(10_000);
    flood.extend(masked(OpCode::Ping, b"newest"));
    let mut input = &mut flood[..];
    let mut out = Vec::new();
    while session.receive(&mut input, &mut out).unwrap().is_some() {}
    assert!(out.len() <= (16 << 10) + 127, "{} bytes wait", out.len());
    let sent = out.len();
    session.tick(Duration::ZERO, out.len(), &mut out).unwrap();
    assert_eq!(out.len(), sent, "there is no room yet");
    out.clear();
    assert!(
        session
            .receive(&mut &mut [][..], &mut out)
            .unwrap()
            .is_none()
    );
    assert_eq!(out, b"\x8a\x06newest");
}

#[test]
fn the_newest_ping_is_answered_before_a_close_however_much_waits() {
    let mut session = server();
    let mut bytes = masked(OpCode::Ping, &[7; 125]).repeat(1000);
    bytes.extend(masked(OpCode::Ping, b"newest"));
    bytes.extend(masked(OpCode::Close, b"\x03\xe8"));
    let (_, out) = feed(&mut session, &bytes);
    assert!(out.ends_with(b"\x8a\x06newest\x88\x02\x03\xe8"));
    assert!(out.len() < 20_000);
}

#[test]
fn without_auto_pong_and_auto_close_the_caller_answers() {
    let mut config = SessionOptions::default();
    (config.auto_pong, config.auto_close) = (false, false);
    let mut session = Session::server(&config);
    let mut bytes = masked(OpCode::Ping, b"x");
    bytes.extend(masked(OpCode::Close, b"\x03\xe8"));
    bytes.extend(masked(OpCode::Text, b"late"));
    let (seen, out) = feed(&mut session, &bytes);
    assert_eq!(
        (&*seen, out.len()),
        (&["ping 1".to_owned(), "close 1000 ".to_owned()][..], 0)
    );
    assert_eq!(session.state(), SessionState::PeerClosed);
    let mut out = Vec::new();
    session.sender().text("one more", &mut out).unwrap();
    session
        .sender()
        .close(CloseCode::NORMAL, "", &mut out)
        .unwrap();
    assert_eq!(session.state(), SessionState::Closed);
    assert!(session.outcome().unwrap().clean);
    assert_eq!(out, b"\x81\x08one more\x88\x02\x03\xe8");
}

#[test]
fn a_peer_that_does_not_close_is_given_up() {
    let mut session = server();
    let mut out = Vec::new();
    session.sender().close(None, "", &mut out).unwrap();
    assert_eq!(session.deadline(), Some(Duration::ZERO));
    session.sent(out.len());
    session.tick(Duration::from_secs(5), 0, &mut out).unwrap();
    assert_eq!(session.deadline(), Some(Duration::from_secs(15)));
    // Pings do not help.
    feed(&mut session, &masked(OpCode::Ping, b"still here"));
    let fault = session
        .tick(Duration::from_secs(15), 0, &mut out)
        .unwrap_err();
    assert_eq!(fault.error, PeerError::NoClose.into());
    assert_eq!(out, b"\x88\x00");
    assert_eq!(
        session.receive(&mut &mut [][..], &mut out).unwrap_err(),
        fault
    );
}

#[test]
fn an_idle_connection_is_closed_with_1001() {
    let mut config = SessionOptions::default();
    config.idle = Some(Duration::from_secs(60));
    let mut session = Session::server(&config);
    let mut out = Vec::new();
    session.tick(Duration::from_secs(1), 0, &mut out).unwrap();
    feed(&mut session, &masked(OpCode::Ping, b""));
    let due = session.deadline().unwrap();
    session.tick(due, 0, &mut out).unwrap();
    assert_eq!((out[0], &out[2..4]), (0x88, &b"\x03\xe9"[..]));
    assert_eq!(session.state(), SessionState::Closing);
    assert!(session.deadline().unwrap() > Duration::from_secs(61));
    let limit = ErrorKind::from(LimitError::Idle);
    assert_eq!(limit.close_code(), Some(CloseCode::GOING_AWAY));

    // The reason stays, although the peer goes on.
    feed(&mut session, &masked(OpCode::Close, b"\x03\xe9"));
    let outcome = session.outcome().unwrap();
    assert!(outcome.clean);
    assert_eq!(outcome.code, CloseCode::GOING_AWAY);
    assert_eq!(outcome.fault.unwrap().error, limit);
}

#[test]
fn an_idle_peer_that_does_not_close_has_been_idle() {
    let mut config = SessionOptions::default();
    config.idle = Some(Duration::from_secs(60));
    for lost in [false, true] {
        let mut session = Session::server(&config);
        let mut out = Vec::new();
        session.tick(Duration::ZERO, 0, &mut out).unwrap();
        let due = session.deadline().unwrap();
        session.tick(due, 0, &mut out).unwrap();
        assert_eq!(session.state(), SessionState::Closing);
        let fault = if lost {
            session.end().unwrap_err()
        } else {
            session.sent(out.len());
            session.tick(due, 0, &mut out).unwrap();
            let due = session.deadline().unwrap();
            session.tick(due, 0, &mut out).unwrap_err()
        };
        assert_eq!(fault.error, LimitError::Idle.into());
        let outcome = session.outcome().unwrap();
        assert_eq!(outcome.code, CloseCode::ABNORMAL);
        assert!(!outcome.clean);
        assert_eq!(outcome.fault, Some(fault));
    }
}

#[test]
fn the_close_timer_starts_when_the_close_frame_has_left() {
    let mut session = server();
    let mut out = Vec::new();
    session.sender().binary(&[0; 1000], &mut out).unwrap();
    session.sender().close(None, "", &mut out).unwrap();
    // A transport that takes 100 bytes each 9 seconds.
    let mut unsent = out.len();
    let mut now = Duration::ZERO;
    session.tick(now, unsent, &mut out).unwrap();
    while unsent > 0 {
        let n = unsent.min(100);
        unsent -= n;
        now += Duration::from_secs(9);
        session.sent(n);
        session.tick(now, unsent, &mut out).unwrap();
    }
    let due = now + Duration::from_secs(10);
    assert_eq!(session.deadline(), Some(due));
    // A message is progress, and moves the deadline.
    now += Duration::from_secs(9);
    feed(&mut session, &masked(OpCode::Text, b"not done yet"));
    session.tick(now, 0, &mut out).unwrap();
    session.tick(due, 0, &mut out).unwrap();
    assert_eq!(session.deadline(), Some(now + Duration::from_secs(10)));
    feed(&mut session, &masked(OpCode::Close, b""));
    assert!(session.outcome().unwrap().clean);
}

#[test]
fn a_close_that_waits_for_the_caller_has_no_timers() {
    let mut config = SessionOptions::default();
    config.auto_close = false;
    config.heartbeat = Some(Duration::from_secs(1));
    config.idle = Some(Duration::from_secs(1));
    let mut session = Session::server(&config);
    let mut out = Vec::new();
    session.tick(Duration::ZERO, 0, &mut out).unwrap();
    feed(&mut session, &masked(OpCode::Close, b"\x03\xf0"));
    assert_eq!(session.deadline(), None);
    session.tick(Duration::from_secs(100), 0, &mut out).unwrap();
    assert!(out.is_empty(), "who has closed answers no ping");
    session.end().unwrap();
    let outcome = session.outcome().unwrap();
    assert_eq!((outcome.code.value(), outcome.fault), (1008, None));
}

#[test]
fn a_message_whose_parts_come_slowly_is_not_idle() {
    let mut config = SessionOptions::default();
    config.idle = Some(Duration::from_secs(10));
    let mut session = Session::server(&config);
    let bytes = masked(OpCode::Text, &[b'x'; 20]);
    let (mut now, mut out) = (Duration::ZERO, Vec::new());
    feed(&mut session, &bytes[..6]);
    for byte in &bytes[6..] {
        session.tick(now, 0, &mut out).unwrap();
        feed(&mut session, &[*byte]);
        now += Duration::from_secs(9);
    }
    assert!(out.is_empty());
}

#[test]
fn the_trusting_and_the_careless_find_their_options() {
    let mut config = SessionOptions::default();
    config.dangerously_accept_unmasked = true;
    let mut session = Session::server(&config);
    let mut bytes = b"\x81\x02hi".to_vec();
    bytes.extend(masked(OpCode::Text, b"masked"));
    assert_eq!(feed(&mut session, &bytes).0, ["hi", "masked"]);

    let mut session = Session::client(DangerouslyZero, &SessionOptions::default());
    let mut out = Vec::new();
    session.sender().text("hi", &mut out).unwrap();
    assert_eq!(out, b"\x81\x82\0\0\0\0hi");
}

#[test]
fn any_split_gives_the_same_events_and_answers() {
    let mut bytes = masked(OpCode::Text, "größer".as_bytes());
    bytes.extend(masked(OpCode::Ping, b"p"));
    bytes.extend(masked(OpCode::Binary, &[9; 300]));
    bytes.extend(masked(OpCode::Close, b"\x03\xe8ok"));
    bytes.extend(b"tail");
    let whole = feed(&mut server(), &bytes);
    for cut in 0..=bytes.len() {
        let mut session = server();
        let (mut seen, mut out) = feed(&mut session, &bytes[..cut]);
        let (more, sent) = feed(&mut session, &bytes[cut..]);
        seen.extend(more);
        out.extend(sent);
        assert_eq!((seen, out), whole);
    }
}

#[test]
fn whole_and_in_pieces_take_turns_between_messages_only() {
    let mut bytes = masked(OpCode::Text, b"first");
    bytes.extend(masked(OpCode::Binary, &[1; 500]));
    bytes.extend(masked(OpCode::Text, b"last"));
    let mut session = server();
    let mut out = Vec::new();
    let mut input = &mut bytes[..];
    assert!(matches!(
        session.receive(&mut input, &mut out),
        Ok(Some((Event::Message(m), _))) if m.payload == b"first"
    ));
    let Ok(Some((Piece::Frame(header), _))) = session.receive_piece(&mut input, &mut out) else {
        panic!("a frame begins");
    };
    assert_eq!(header.len, 500);
    let fault = session.receive(&mut input, &mut out).unwrap_err();
    assert_eq!(fault.error, MisuseError::MessageInPieces.into());
    assert_eq!(
        session.state(),
        SessionState::Open,
        "the caller's fault is not the connection's"
    );
    let mut len = 0;
    loop {
        match session
            .receive_piece(&mut input, &mut out)
            .unwrap()
            .unwrap()
            .0
        {
            Piece::Data(data) => len += data.len(),
            Piece::End => break,
            piece => panic!("{piece:?}"),
        }
    }
    assert_eq!(len, 500);
    assert!(matches!(
        session.receive(&mut input, &mut out),
        Ok(Some((Event::Message(m), _))) if m.payload == b"last"
    ));
}

#[test]
fn large_messages_may_be_read_into_their_place() {
    let mut session = server();
    let mut bytes = masked(OpCode::Binary, &[5; 100_000]);
    let mut out = Vec::new();
    assert!(
        session
            .receive(&mut &mut bytes[..1000], &mut out)
            .unwrap()
            .is_none()
    );
    let rest = &bytes[1000..];
    let mut at = 0;
    loop {
        let space = session.space(7777).unwrap();
        let len = space.len();
        space.copy_from_slice(&rest[at..at + len]);
        at += len;
        if let Some((Event::Message(message), _)) = session.fill(len, &mut out).unwrap() {
            assert_eq!(message.payload, [5; 100_000]);
            break;
        }
    }
    assert!(session.memory() >= 100_000);
    session.release();
    assert_eq!(session.memory(), 0);
}

#[test]
fn an_idle_session_is_small() {
    let plain = size_of::<Session<Unmasked>>();
    assert!(plain <= 640, "{plain} bytes");
    #[cfg(feature = "deflate")]
    {
        use wscodec::session::{In, Out};
        let full = size_of::<Session<Unmasked, In, Out>>();
        assert!(full <= 896, "{full} bytes");
    }
}

#[test]
fn no_bytes_make_it_panic_or_answer_without_end() {
    let mut rng = Rng(7);
    for round in 0..3000 {
        let mut session = server();
        let mut sent = 0;
        for _ in 0..4 {
            let mut bytes: Vec<u8> = (0..rng.below(80)).map(|_| rng.byte()).collect();
            // Make it past the first header, more often than not.
            if round % 3 > 0 && bytes.len() > 1 {
                bytes[0] = [0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x80][rng.below(7)];
                bytes[1] = 0x80 | (bytes[1] & 0x1f);
            }
            sent += feed(&mut session, &bytes).1.len();
        }
        let _ = session.end();
        assert_eq!(session.state(), SessionState::Closed);
        assert!(sent < 1000);
    }
}

//! The agreement on permessage-deflate (RFC 7692 §7.1): hostile 10, 11, 12 and 17.

#![cfg(feature = "deflate")]

use wscodec::HandshakeError;
use wscodec::deflate::{
    AcceptedDeflate, AgreedDeflate, DeflateAnswer, DeflateDirection, DeflateOffer, DeflateOptions,
    WindowBits,
};
use wscodec::head::{Extension, Extensions};

fn list(value: &str) -> impl Iterator<Item = Extension<'_>> {
    Extensions::new([value.as_bytes()].into_iter()).map(|extension| extension.unwrap())
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

fn direction(window: u8, takeover: bool) -> DeflateDirection {
    DeflateDirection {
        window: bits(window),
        takeover,
    }
}

fn config(send: DeflateDirection, receive: DeflateDirection) -> DeflateOptions {
    let mut config = DeflateOptions::default();
    (config.send, config.receive) = (send, receive);
    config
}

const WHOLE: DeflateDirection = DeflateDirection::DEFAULT;

fn accept(config: &DeflateOptions, offers: &str) -> Option<(String, AgreedDeflate)> {
    let AcceptedDeflate { agreed, answer } = config.accept(list(offers))?;
    Some((answer.header().to_string(), agreed))
}

/// The parameters that no one may send, by both readers (hostile 10, 17).
const MALFORMED: [&str; 27] = [
    "; server_max_window_bits",
    "; server_max_window_bits=0",
    "; server_max_window_bits=7",
    "; server_max_window_bits=16",
    "; server_max_window_bits=17",
    "; server_max_window_bits=20",
    "; server_max_window_bits=015",
    "; server_max_window_bits=08",
    "; server_max_window_bits=+9",
    "; server_max_window_bits=-9",
    "; server_max_window_bits=9.0",
    "; server_max_window_bits=0x9",
    "; server_max_window_bits=150",
    "; server_max_window_bits=1",
    "; server_max_window_bits=1a",
    "; server_max_window_bits=265",
    "; server_max_window_bits=\"010\"",
    "; client_max_window_bits=7",
    "; client_max_window_bits=16",
    "; client_max_window_bits=010",
    "; client_max_window_bits=999999999999999999999",
    "; server_no_context_takeover=true",
    "; client_no_context_takeover=1",
    "; client_no_context_takeover; client_no_context_takeover",
    "; server_max_window_bits=10; server_max_window_bits=10",
    "; Server_no_context_takeover",
    "; unknown",
];

#[test]
fn a_malformed_offer_is_passed_over() {
    let config = DeflateOptions::default();
    for params in MALFORMED {
        let offers = format!("permessage-deflate{params}");
        assert_eq!(accept(&config, &offers), None, "{offers}");
        let offers = format!("x-other, {offers}, permessage-deflate; server_max_window_bits=12");
        let (answer, agreed) = accept(&config, &offers).unwrap();
        assert_eq!(answer, "permessage-deflate; server_max_window_bits=12");
        assert_eq!(agreed.send, direction(12, true));
    }
    let doubled = "permessage-deflate; client_max_window_bits; client_max_window_bits=10";
    assert_eq!(accept(&config, doubled), None);
    for other in [
        "permessage-deflat",
        "PERMESSAGE-DEFLATE",
        "x-webkit-deflate-frame",
    ] {
        assert_eq!(accept(&config, other), None, "{other}");
    }
    let many = "permessage-deflate; unknown=1, ".repeat(100_000) + "permessage-deflate";
    assert!(accept(&config, &many).is_some());
}

/// Each offer with the answer of a server and what it means for it: send, then receive.
#[test]
fn a_server_answers_what_was_asked() {
    let plain = DeflateOptions::default();
    let modest = config(direction(12, false), direction(11, false));
    let small = config(direction(10, true), WHOLE);
    let d = direction;
    for (config, offer, answer, send, receive) in [
        (&plain, "", "", WHOLE, WHOLE),
        (&plain, "; client_max_window_bits", "", WHOLE, WHOLE),
        (
            &plain,
            "; client_no_context_takeover; client_max_window_bits",
            "; client_no_context_takeover",
            WHOLE,
            d(15, false),
        ),
        (
            &plain,
            "; server_no_context_takeover",
            "; server_no_context_takeover",
            d(15, false),
            WHOLE,
        ),
        // Truly kept (hostile 11).
        (
            &plain,
            "; server_max_window_bits=8",
            "; server_max_window_bits=8",
            d(8, true),
            WHOLE,
        ),
        (
            &plain,
            "; client_max_window_bits=9; server_max_window_bits=15",
            "; server_max_window_bits=15; client_max_window_bits=9",
            WHOLE,
            d(9, true),
        ),
        // Quoted (hostile 12).
        (
            &plain,
            "; server_max_window_bits=\"1\\0\"; client_max_window_bits=\"15\"",
            "; server_max_window_bits=10; client_max_window_bits=15",
            d(10, true),
            WHOLE,
        ),
        (
            &modest,
            "; client_max_window_bits",
            "; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=11",
            d(12, false),
            d(11, false),
        ),
        (
            &modest,
            "; client_max_window_bits=9; server_max_window_bits=14",
            "; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12; client_max_window_bits=9",
            d(12, false),
            d(9, false),
        ),
        // Our own window is not named to a client that did not ask.
        (&small, "", "", d(10, true), WHOLE),
    ] {
        let offer = format!("permessage-deflate{offer}");
        let (found, agreed) = accept(config, &offer).unwrap();
        assert_eq!(found, format!("permessage-deflate{answer}"), "{offer}");
        assert_eq!(agreed, AgreedDeflate { send, receive }, "{offer}");
    }
}

#[test]
fn a_server_takes_the_first_offer_that_it_can_meet() {
    // The client won't be told its window.
    let modest = config(WHOLE, direction(11, true));
    let fixed = "permessage-deflate, permessage-deflate; server_no_context_takeover";
    assert_eq!(accept(&modest, fixed), None);
    let second = "permessage-deflate, permessage-deflate; client_max_window_bits";
    let (answer, agreed) = accept(&modest, second).unwrap();
    assert_eq!(answer, "permessage-deflate; client_max_window_bits=11");
    assert_eq!(agreed.receive, direction(11, true));
}

fn check(offer: &str, answer: &str) -> Result<Option<AgreedDeflate>, HandshakeError> {
    let offer = list(&format!("permessage-deflate{offer}"))
        .find_map(|it| DeflateOffer::parse(&it))
        .unwrap();
    offer.check(list(answer))
}

#[test]
fn a_client_fails_on_what_it_did_not_ask_for() {
    let error = Err(HandshakeError::ExtensionParameter);
    for params in MALFORMED {
        let answer = format!("permessage-deflate{params}");
        assert_eq!(
            check("; client_max_window_bits", &answer),
            error,
            "{answer}"
        );
    }
    for (offer, answer) in [
        // Not offered (hostile 17), or without a value.
        ("", "; client_max_window_bits=10"),
        ("; client_max_window_bits", "; client_max_window_bits"),
        // Asked for and not granted.
        ("; server_max_window_bits=10", ""),
        ("; server_max_window_bits=10", "; server_max_window_bits=11"),
        ("; server_no_context_takeover", ""),
        // Twice.
        ("", ", permessage-deflate"),
        ("", ", permessage-deflate; unknown"),
    ] {
        let answer = format!("permessage-deflate{answer}");
        assert_eq!(check(offer, &answer), error, "{offer} {answer}");
    }
}

#[test]
fn a_client_keeps_to_the_answer() {
    let d = direction;
    for (offer, answer, send, receive) in [
        ("", "", WHOLE, WHOLE),
        ("", "; server_max_window_bits=8", WHOLE, d(8, true)),
        (
            "; server_max_window_bits=12",
            "; server_max_window_bits=\"10\"",
            WHOLE,
            d(10, true),
        ),
        (
            "",
            "; server_no_context_takeover; client_no_context_takeover",
            d(15, false),
            d(15, false),
        ),
        // The client's own limit holds even if the answer is silent or larger.
        ("; client_no_context_takeover", "", d(15, false), WHOLE),
        ("; client_max_window_bits=10", "", d(10, true), WHOLE),
        (
            "; client_max_window_bits=10",
            "; client_max_window_bits=12",
            d(10, true),
            WHOLE,
        ),
        (
            "; client_max_window_bits",
            "; client_max_window_bits=9",
            d(9, true),
            WHOLE,
        ),
    ] {
        let answer = format!("x-other; a=1, permessage-deflate{answer}");
        let agreed = check(offer, &answer).unwrap().unwrap();
        assert_eq!(agreed, AgreedDeflate { send, receive }, "{offer} {answer}");
    }
    assert_eq!(check("", "x-other"), Ok(None));
}

/// Every client with every server: they agree, and each sees what the other sees.
#[test]
fn both_ends_see_the_same() {
    let directions: Vec<_> = [8, 9, 12, 15]
        .into_iter()
        .flat_map(|window| [direction(window, true), direction(window, false)])
        .collect();
    let mut configs = Vec::new();
    for &send in &directions {
        configs.extend(directions.iter().map(|&receive| config(send, receive)));
    }
    for client in &configs {
        let offer = client.offer();
        let header = offer.header();
        assert_eq!(
            list(&header).find_map(|it| DeflateOffer::parse(&it)),
            Some(offer)
        );
        for server in &configs {
            let accepted = server.accept(list(&header)).expect("our offer can be met");
            let answer = accepted.header();
            assert_eq!(
                list(&answer).find_map(|it| DeflateAnswer::parse(&it)),
                Some(accepted.answer)
            );
            let agreed = offer.check(list(&answer)).unwrap().unwrap();
            let there = accepted.agreed;
            // The server may do with less than the client has to be ready for.
            assert!(there.send.window <= agreed.receive.window);
            assert_eq!(there.send.takeover, agreed.receive.takeover);
            assert_eq!(there.receive, agreed.send);
            for (mine, limit) in [
                (agreed.send, client.send),
                (agreed.receive, client.receive),
                (there.send, server.send),
                (there.receive, server.receive),
            ] {
                assert!(mine.window <= limit.window && mine.takeover <= limit.takeover);
            }
        }
    }
}

#[test]
fn the_longest_value_fits() {
    let config = config(direction(10, false), direction(10, false));
    let value = config.offer().header();
    assert_eq!(value.len(), 128);
    assert_eq!(format!("{value}"), value.as_str());
    assert_eq!(format!("{value:?}"), format!("{:?}", value.as_str()));
}

//! HTTP heads: any split gives the same result; an accepted request has all that RFC 6455 asks for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::handshake::{
    Rejection, UpgradeRequest, UpgradeRequestReader, UpgradeResponse, UpgradeResponseReader,
};
use wscodec::session::Policy;
use wscodec::{Fault, Limits};
use wscodec_fuzz::Choices;

fn request(bytes: &[u8], limits: &Limits) {
    let whole = UpgradeRequest::parse(bytes, limits).map(|request| request.map(|r| r.head_len()));
    let mut reader = UpgradeRequestReader::new(limits);
    let mut split: Result<Option<usize>, Fault> = Ok(None);
    for end in 0..=bytes.len() {
        split = reader
            .read(&bytes[..end])
            .map(|request| request.map(|r| r.head_len()));
        if !matches!(split, Ok(None)) {
            break;
        }
    }
    assert_eq!(split, whole);
    let Ok(Some(request)) = UpgradeRequest::parse(bytes, limits) else {
        return;
    };
    assert_eq!(request.key().len(), 24);
    assert!(request.path().starts_with('/'));
    let mut out = Vec::new();
    match Policy::default().judge(&request) {
        Ok(upgrade) => upgrade.accept().write(&mut out).unwrap(),
        Err(fault) => {
            let rejection = Rejection::of(fault.error).expect("a fault of a request has a status");
            rejection.write(&mut out).unwrap();
        }
    }
    assert!(out.ends_with(b"\r\n\r\n") || out.windows(4).any(|w| w == b"\r\n\r\n"));
}

fn response(bytes: &[u8], limits: &Limits) {
    let whole = UpgradeResponse::parse(bytes, limits).map(|it| it.map(|r| r.head_len()));
    let mut reader = UpgradeResponseReader::new(limits);
    let mut split: Result<Option<usize>, Fault> = Ok(None);
    for end in 0..=bytes.len() {
        split = reader
            .read(&bytes[..end])
            .map(|it| it.map(|r| r.head_len()));
        if !matches!(split, Ok(None)) {
            break;
        }
    }
    assert_eq!(split, whole);
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let flags = choices.byte();
    let mut limits = Limits::default();
    if flags & 2 != 0 {
        (limits.head, limits.headers) = (300, 10);
    }
    match flags & 1 {
        0 => request(choices.rest(), &limits),
        _ => response(choices.rest(), &limits),
    }
});

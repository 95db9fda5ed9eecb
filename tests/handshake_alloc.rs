//! Nothing is allocated in a handshake when the caller's buffer has room.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use wscodec::handshake::{
    ClientRequest, HeaderWriter, Origin, Rejection, UpgradeRequestReader, UpgradeResponse,
};
use wscodec::head::HeadLine;
use wscodec::{Fault, HandshakeError, Limits};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; `realloc` and `alloc_zeroed` come
// down to `alloc` by their defaults.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates in `work`.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(9)))),
        1
    );
}

#[test]
fn both_sides_of_a_handshake() {
    let mut request_bytes = Vec::with_capacity(1024);
    let mut answer = Vec::with_capacity(1024);
    let count = allocations(|| {
        let client = ClientRequest::new("example.com", "/chat", *b"the sample nonce")
            .protocols(&["v2", "v1"])
            .extensions("permessage-deflate; client_max_window_bits")
            .headers(&[("Origin", "https://example.com"), ("Cookie", "a=b")]);
        client.write(&mut request_bytes).unwrap();

        // Once in one piece, once byte by byte.
        for step in [request_bytes.len(), 1] {
            let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
            let mut end = 0;
            let request = loop {
                end += step;
                if let Some(request) = reader.read(&request_bytes[..end]).unwrap() {
                    break request;
                }
            };
            request.check_origin(Origin::SameHost).unwrap();
            assert_eq!(request.header("cookie"), Some(&b"a=b"[..]));
            let protocol = request.select_protocol(&["v1"]).unwrap();
            answer.clear();
            request
                .accept()
                .protocol(protocol)
                .extensions("permessage-deflate")
                .headers(&[("Set-Cookie", "c=d")])
                .write(&mut answer)
                .unwrap();
        }

        let response = UpgradeResponse::parse(&answer, &Limits::DEFAULT)
            .unwrap()
            .unwrap();
        client.check(&response).unwrap();
        assert_eq!(response.protocol(), Some("v1"));

        answer.clear();
        let rejection = Rejection::of(HandshakeError::Version).unwrap();
        rejection.write(&mut answer).unwrap();
    });
    assert_eq!(count, 0);
}

#[test]
fn lines_cookies_and_headers_that_are_written() {
    let mut request_bytes = Vec::with_capacity(1024);
    let mut answer = Vec::with_capacity(1024);
    let count = allocations(|| {
        let client = ClientRequest::new("example.com", "/chat", *b"the sample nonce")
            .headers(&[("Cookie", "theme=dark; @; session=\"31d4\"")]);
        let add = |headers: &mut HeaderWriter<'_>| {
            headers
                .add("X-Number", 7)
                .add("X-Host", format_args!("{}", 1.5));
        };
        client.write_with(&mut request_bytes, add).unwrap();

        let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
        let (mut end, mut lines) = (0, 0);
        let request = loop {
            end += 1;
            let look = |_: HeadLine<'_>| {
                lines += 1;
                Ok::<_, Fault>(())
            };
            if let Some(request) = reader.read_with(&request_bytes[..end], look).unwrap() {
                break request;
            }
        };
        assert_eq!(lines, 9);
        assert_eq!(request.cookies().count(), 3);
        assert_eq!(request.cookies().value_of(b"session"), Some(&b"31d4"[..]));
        request.accept().write_with(&mut answer, add).unwrap();
        Rejection::new(403).write_with(&mut answer, add).unwrap();
    });
    assert_eq!(count, 0);
}

#[test]
fn one_allocation_where_there_is_no_room() {
    let client = ClientRequest::new("example.com", "/chat", *b"the sample nonce")
        .headers(&[("A", "a long enough value"), ("B", "another one")]);
    let mut bytes = Vec::new();
    assert_eq!(allocations(|| client.write(&mut bytes).unwrap()), 1);

    let request = UpgradeRequestReader::new(&Limits::DEFAULT)
        .read(&bytes)
        .unwrap()
        .unwrap();
    let headers = [
        ("Set-Cookie", "a=b"),
        ("X-Long", "0123456789012345678901234567890123456789"),
    ];
    let mut out = Vec::new();
    let accept = request.accept().headers(&headers);
    assert_eq!(allocations(|| accept.write(&mut out).unwrap()), 1);

    for status in [403, 405, 426, 503] {
        let mut out = Vec::new();
        let rejection = Rejection::new(status).headers(&headers).body(b"a body");
        assert_eq!(allocations(|| rejection.write(&mut out).unwrap()), 1);
    }
}

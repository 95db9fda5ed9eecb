//! The seam for extensions, with one made for these tests: coded messages have RSV2 set and hold
//! runs, each a count and a byte. A count of 0 is damage.

mod common;

use common::drive::{self, Run, Seen};
use common::rng::Rng;
use wscodec::frame::{Role, Rsv};
use wscodec::message::{
    DecodeProgress, InboundExtension, Kind, MessageDecoder, MessageEncoder, NoExtension,
    OutboundExtension, PayloadCoding, Unmasked,
};
use wscodec::{ErrorKind, LimitError, Limits, MisuseError, PeerError};

/// Decodes runs. It takes little of its input at once, and writes as much as fits.
#[derive(Default)]
struct Runs {
    /// A count whose byte has not come.
    count: Option<u8>,
    /// The rest of a run.
    run: Option<(u8, u8)>,
}

impl InboundExtension for Runs {
    fn rsv(&self) -> Rsv {
        Rsv::RSV2
    }

    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        assert_eq!(rsv, Rsv::RSV2);
        *self = Self::default();
        Ok(PayloadCoding::Decode)
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        let (mut read, mut written) = (0, 0);
        loop {
            if let Some((left, byte)) = &mut self.run {
                let n = usize::from(*left).min(output.len() - written);
                output[written..written + n].fill(*byte);
                written += n;
                *left -= n as u8;
                if *left > 0 {
                    return Ok(DecodeProgress {
                        read,
                        written,
                        done: false,
                    });
                }
                self.run = None;
            }
            let Some(&byte) = input.get(read) else { break };
            read += 1;
            match self.count.take() {
                None if byte == 0 => return Err(PeerError::ReservedBits.into()),
                None => self.count = Some(byte),
                Some(count) => self.run = Some((count, byte)),
            }
        }
        if last && self.count.is_some() {
            return Err(PeerError::UnexpectedEof.into());
        }
        Ok(DecodeProgress {
            read,
            written,
            done: true,
        })
    }
}

/// Codes binary messages, and texts whose length is not known or above 4; fails on an `!` alone.
#[derive(Default)]
struct Coder {
    begun: Vec<(Kind, Option<usize>)>,
}

impl OutboundExtension for Coder {
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        self.begun.push((kind, len));
        match (kind, len) {
            (Kind::Text, Some(0..=4)) => Rsv::NONE,
            _ => Rsv::RSV2,
        }
    }

    fn encode(&mut self, input: &[u8], _: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        if input == b"!" {
            return Err(MisuseError::TextNotUtf8.into());
        }
        for run in input.chunk_by(|a, b| a == b) {
            for part in run.chunks(255) {
                output.extend([part.len() as u8, part[0]]);
            }
        }
        Ok(())
    }
}

fn receiver(role: Role, limits: &Limits) -> MessageDecoder<Runs> {
    MessageDecoder::with_extension(role, limits, Runs::default())
}

/// Reads as a client; all cuts must tell the same.
fn read(bytes: &[u8], limits: &Limits) -> Run {
    read_as(Role::Client, bytes, limits)
}

fn read_as(role: Role, bytes: &[u8], limits: &Limits) -> Run {
    let whole = drive::through(&mut receiver(role, limits), bytes, &[]);
    for cut in common::cuts(bytes.len(), 400) {
        let run = drive::through(&mut receiver(role, limits), bytes, &[cut]);
        assert_eq!(run, whole, "cut at {cut}");
    }
    let single: Vec<_> = (0..bytes.len()).collect();
    let run = drive::through(&mut receiver(role, limits), bytes, &single);
    assert_eq!(run, whole, "byte by byte");
    whole
}

fn seen(bytes: &[u8]) -> Vec<Seen> {
    let run = read(bytes, &Limits::default());
    assert_eq!(run.fault, None);
    run.seen
}

fn fault(bytes: &[u8], limits: &Limits) -> (ErrorKind, u64, usize) {
    let run = read(bytes, limits);
    assert!(run.early);
    let fault = run.fault.unwrap();
    (fault.error, fault.offset, run.seen.len())
}

#[test]
fn coded_and_plain_messages_in_turn() {
    let bytes = b"\xa1\x04\x03a\x02b\x81\x02hi\xa2\x02\xff\x00\xa1\x00\x82\x01\x05";
    let expected = [
        Seen::Text("aaabb".into()),
        Seen::Text("hi".into()),
        Seen::Binary(vec![0; 255]),
        Seen::Text(String::new()),
        Seen::Binary(vec![5]),
    ];
    assert_eq!(seen(bytes), expected);
}

#[test]
fn fragments_are_one_stream_to_the_extension() {
    // A run is cut by frames, with a ping and an empty frame between.
    let bytes = b"\x21\x01\x03\x00\x02a\x02\x89\x00\x00\x00\x80\x03b\x01c";
    assert_eq!(
        seen(bytes),
        [Seen::Ping(vec![]), Seen::Text("aaabbc".into())]
    );
    // The bits are on the first frame only; a plain message in fragments stays plain.
    assert_eq!(
        seen(b"\x01\x01\x03\x80\x01a"),
        [Seen::Text("\u{3}a".into())]
    );
    let error = ErrorKind::from(PeerError::ReservedBits);
    let limits = Limits::default();
    assert_eq!(fault(b"\x21\x01\x03\xa0\x01a", &limits), (error, 3, 0));
    // RSV1 is not this extension's.
    assert_eq!(fault(b"\xc1\x02\x03a", &limits), (error, 0, 0));
    assert_eq!(fault(b"\xe1\x02\x03a", &limits), (error, 0, 0));
    assert_eq!(fault(b"\xa9\x00", &limits), (error, 0, 0));
}

#[test]
fn text_is_checked_as_it_is_decoded() {
    // Two bytes of a character, each a run of its own, in two frames.
    let crab = b"\x21\x04\x01\xf0\x01\x9f\x80\x04\x01\xa6\x01\x80";
    assert_eq!(seen(crab), [Seen::Text("🦀".into())]);
    let bad = ErrorKind::from(PeerError::InvalidUtf8);
    let limits = Limits::default();
    assert_eq!(
        fault(b"\x81\x01x\xa1\x04\x01a\x02\xff", &limits),
        (bad, 3, 1)
    );
    // Ends within a character.
    assert_eq!(fault(b"\xa1\x04\x01a\x01\xc3", &limits).0, bad);
    assert_eq!(fault(b"\x21\x02\x01\xc3\x80\x00", &limits).0, bad);
    // Found before the end of the message.
    let early = b"\x21\x02\x01\xff\x00\x02\x01a";
    assert_eq!(fault(early, &limits).0, bad);
    // Binary is not checked.
    assert_eq!(seen(b"\xa2\x02\x02\xff"), [Seen::Binary(vec![255; 2])]);
}

#[test]
fn the_limit_counts_what_was_decoded() {
    let mut limits = Limits::default();
    limits.message = 1000;
    let large = ErrorKind::from(LimitError::MessageTooLarge);
    // 1000 bytes out of 8.
    let exact = b"\xa2\x08\xfa1\xfa2\xfa3\xfa4";
    assert_eq!(read(exact, &limits).fault, None);
    let over = b"\xa2\x0a\xfa1\xfa2\xfa3\xfa4\x015";
    assert_eq!(fault(over, &limits), (large, 0, 0));
    // Over all fragments together, found at the frame that goes past it.
    let mut fragments = b"\x22\x08\xfa1\xfa2\xfa3\xfa3".to_vec();
    fragments.extend(b"\x00\x02\x01x");
    assert_eq!(fault(&fragments, &limits), (large, 10, 0));
    // A small limit, and none.
    limits.message = 2;
    assert_eq!(read(b"\xa2\x02\x02a", &limits).fault, None);
    assert_eq!(fault(b"\xa2\x02\x03a", &limits), (large, 0, 0));
}

/// Memory grows with what is decoded, and no further than the limit.
#[test]
fn a_bomb_is_refused_while_it_is_decoded() {
    let mut limits = Limits::default();
    limits.message = 100_000;
    let mut receiver = receiver(Role::Client, &limits);
    let mut seen = Vec::new();
    let mut fed = 0;
    let fault = loop {
        let mut frame = vec![if fed == 0 { 0x22 } else { 0x00 }, 100];
        frame.extend(b"\xffx".repeat(50));
        fed += 1;
        if let Err(fault) = drive::feed(&mut receiver, &mut frame, &mut seen) {
            break fault;
        }
        assert!(fed < 20, "never refused");
    };
    assert_eq!(fault.error, LimitError::MessageTooLarge.into());
    assert_eq!(fed, 100_000 / (50 * 255) + 1);
    assert!(receiver.buffered() <= 210_000, "{}", receiver.buffered());
}

/// A step that costs as much as what was decoded before it would take minutes here.
#[test]
fn a_long_coded_message_byte_by_byte() {
    let mut receiver = receiver(Role::Client, &Limits::default());
    let mut seen = Vec::new();
    let payload = b"\x05x".repeat(150_000);
    let mut bytes = b"\xa2\x7f\0\0\0\0\0\x04\x93\xe0".to_vec();
    bytes.extend(payload);
    for byte in &mut bytes {
        drive::feed(&mut receiver, std::slice::from_mut(byte), &mut seen).unwrap();
    }
    assert!(seen == [Seen::Binary(vec![b'x'; 750_000])]);
    assert!(
        receiver.buffered() <= 3 * 750_000,
        "{}",
        receiver.buffered()
    );
}

#[test]
fn damage_fails_the_connection() {
    let limits = Limits::default();
    let damage = ErrorKind::from(PeerError::ReservedBits);
    // In the first run, in a later one, in a later frame: told at the frame.
    assert_eq!(fault(b"\xa1\x02\x00a", &limits), (damage, 0, 0));
    assert_eq!(
        fault(b"\x89\x00\xa1\x06\x01a\x02b\x00c", &limits),
        (damage, 2, 1)
    );
    let later = b"\x21\x02\x01a\x00\x02\x01b\x80\x04\x01c\x00d";
    assert_eq!(fault(later, &limits), (damage, 8, 0));
    // The end is too early for the extension.
    let end = ErrorKind::from(PeerError::UnexpectedEof);
    assert_eq!(fault(b"\xa1\x03\x01a\x01", &limits), (end, 0, 0));
    assert_eq!(fault(b"\x21\x03\x01a\x01\x80\x00", &limits), (end, 5, 0));
}

#[test]
fn coded_payloads_are_not_read_into_place() {
    let mut receiver = receiver(Role::Client, &Limits::default());
    let mut begun = *b"\xa2\x04\x03a";
    assert_eq!(receiver.receive(&mut &mut begun[..]), Ok(None));
    assert!(receiver.space(100).is_none());
    let mut rest = *b"\x01b\x82\x04x";
    let mut input = &mut rest[..];
    assert!(receiver.receive(&mut input).unwrap().is_some());
    assert_eq!(receiver.receive(&mut input), Ok(None));
    assert_eq!(receiver.space(100).map(|space| space.len()), Some(3));
}

#[test]
fn what_is_sent_is_received() {
    let mut sender = MessageEncoder::new(Unmasked, Coder::default());
    let mut out = Vec::new();
    sender.text("aaaaab", &mut out).unwrap();
    assert_eq!(out, b"\xa1\x04\x05a\x01b");
    sender.text("tiny", &mut out).unwrap();
    assert_eq!(out[6..], *b"\x81\x04tiny");
    sender.begin(Kind::Text, b"xxx", &mut out).unwrap();
    assert_eq!(out[12..], *b"\x21\x02\x03x");
    sender.ping(b"p", &mut out).unwrap();
    sender.more("é".as_bytes(), &mut out).unwrap();
    sender.finish(b"", &mut out).unwrap();
    sender.binary(&[0; 1000], &mut out).unwrap();
    let expected = [
        Seen::Text("aaaaab".into()),
        Seen::Text("tiny".into()),
        Seen::Ping(b"p".to_vec()),
        Seen::Text("xxxé".into()),
        Seen::Binary(vec![0; 1000]),
    ];
    assert_eq!(seen(&out), expected);
    let begun = [
        (Kind::Text, Some(6)),
        (Kind::Text, Some(4)),
        (Kind::Text, None),
        (Kind::Binary, Some(1000)),
    ];
    assert_eq!(sender.extension().begun, begun);
}

#[test]
fn an_error_of_the_coder_writes_nothing() {
    let mut sender = MessageEncoder::new(Unmasked, Coder::default());
    let mut out = Vec::new();
    let error = ErrorKind::from(MisuseError::TextNotUtf8);
    assert_eq!(sender.binary(b"!", &mut out), Err(error));
    assert_eq!(sender.begin(Kind::Binary, b"!", &mut out), Err(error));
    assert!(out.is_empty());
    // Nothing was begun by that.
    let none = ErrorKind::from(MisuseError::NoMessageBegun);
    assert_eq!(sender.finish(b"x", &mut out), Err(none));
    sender.begin(Kind::Binary, b"a", &mut out).unwrap();
    let begun = out.len();
    assert_eq!(sender.more(b"!", &mut out), Err(error));
    assert_eq!(out.len(), begun);
}

#[test]
fn masked_messages_of_random_shape_survive_the_way() {
    let mut rng = Rng(4);
    let mut key = Rng(5);
    let mut sender =
        MessageEncoder::new(move || (key.next() as u32).to_le_bytes(), Coder::default());
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let len = rng.below(300);
        let payload: Vec<u8> = (0..len).map(|i| (i / 7) as u8).collect();
        if rng.below(2) == 0 {
            sender.binary(&payload, &mut out).unwrap();
        } else {
            let (front, back) = payload.split_at(rng.below(len + 1));
            sender.begin(Kind::Binary, front, &mut out).unwrap();
            sender.finish(back, &mut out).unwrap();
        }
        expected.push(Seen::Binary(payload));
    }
    let run = read_as(Role::Server, &out, &Limits::default());
    assert_eq!((run.seen, run.fault), (expected, None));
}

/// Without an extension the bits are refused, and the seam's defaults do nothing.
#[test]
fn no_extension() {
    let mut receiver =
        MessageDecoder::with_extension(Role::Client, &Limits::default(), NoExtension);
    let mut bytes = *b"\xa1\x01a";
    let fault = receiver.receive(&mut &mut bytes[..]);
    assert_eq!(fault.unwrap_err().error, PeerError::ReservedBits.into());
    assert_eq!(
        OutboundExtension::begin(&mut NoExtension, Kind::Text, None),
        Rsv::NONE
    );
    let mut out = Vec::new();
    NoExtension.encode(b"as it is", true, &mut out).unwrap();
    assert_eq!(out, b"as it is");
}

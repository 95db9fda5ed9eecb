//! Feeds bytes, cut in some way, to each of the decoders, and notes what comes out in one form.

use wscodec::frame::{self, CloseFrame, FrameDecoder, FrameHeader, OpCode, Role, Rsv, Rules};
use wscodec::message::{
    BatchBuffer, Event, FoundEvent, FoundMessage, InboundExtension, Kind, MessageDecoder, Opaque,
    Piece, Pieces, Place,
};
use wscodec::{Fault, Limits};

/// An event with memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    /// A message that an extension has coded.
    Opaque(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// How the bytes are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub role: Role,
    pub rsv: Rsv,
    pub limits: Limits,
    /// Where in the stream they begin.
    pub offset: u64,
}

impl Setup {
    pub fn new(role: Role) -> Self {
        Self {
            role,
            rsv: Rsv::NONE,
            limits: Limits::default(),
            offset: 0,
        }
    }

    pub fn receiver(&self) -> MessageDecoder<Opaque> {
        let extension = Opaque(self.rsv);
        MessageDecoder::with_extension(self.role, &self.limits, extension).with_offset(self.offset)
    }

    pub fn pieces(&self) -> Pieces {
        Pieces::tolerating(self.rsv, self.role, &self.limits).with_offset(self.offset)
    }

    pub fn decoder(&self) -> FrameDecoder {
        let rules = Rules::new(self.role)
            .with_rsv(self.rsv)
            .with_max_len(self.limits.max_frame());
        FrameDecoder::new(rules).with_offset(self.offset)
    }
}

/// The events of a stream, and its fault or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<T = Seen> {
    pub seen: Vec<T>,
    pub fault: Option<Fault>,
    /// Whether the fault was there before the end of the stream.
    pub early: bool,
}

/// A frame with its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub offset: u64,
    pub header: FrameHeader,
    pub payload: Vec<u8>,
}

pub fn own(event: Event<'_>) -> Seen {
    match event {
        Event::Message(message) if message.opaque => {
            assert_eq!(message.text(), None);
            Seen::Opaque(message.kind, message.payload.to_vec())
        }
        Event::Message(message) => match message.kind {
            Kind::Text => {
                let text = message.text().expect("checked to be UTF-8");
                assert!(!message.ascii || text.is_ascii(), "not ASCII: {text}");
                Seen::Text(text.to_owned())
            }
            Kind::Binary => Seen::Binary(message.payload.to_vec()),
        },
        Event::Ping(payload) => Seen::Ping(payload.to_vec()),
        Event::Pong(payload) => Seen::Pong(payload.to_vec()),
        Event::Close(close) => own_close(close),
    }
}

fn own_close(close: Option<CloseFrame<'_>>) -> Seen {
    Seen::Close(close.map(|close| (close.code.value(), close.reason.to_owned())))
}

/// The stretches of `bytes` between the cuts, which are in order.
fn stretches<'a>(bytes: &'a mut [u8], cuts: &[usize]) -> Vec<&'a mut [u8]> {
    let mut rest = bytes;
    let mut start = 0;
    let mut all = Vec::new();
    for &cut in cuts {
        let (front, back) = rest.split_at_mut(cut - start);
        all.push(front);
        (rest, start) = (back, cut);
    }
    all.push(rest);
    all
}

/// Feeds a stretch to a receiver until it is used up.
pub fn feed<E: InboundExtension>(
    receiver: &mut MessageDecoder<E>,
    mut input: &mut [u8],
    seen: &mut Vec<Seen>,
) -> Result<(), Fault> {
    while let Some(event) = receiver.receive(&mut input)? {
        seen.push(own(event));
    }
    assert!(input.is_empty(), "input left");
    Ok(())
}

fn close_run<T>(
    seen: Vec<T>,
    result: Result<(), Fault>,
    finish: impl FnOnce() -> Result<(), Fault>,
) -> Run<T> {
    let end = finish();
    if result.is_err() {
        assert_eq!(end, result, "the end tells another fault");
    }
    Run {
        seen,
        fault: end.err(),
        early: result.is_err(),
    }
}

/// Through a `MessageDecoder` with any extension.
pub fn through<E: InboundExtension>(
    receiver: &mut MessageDecoder<E>,
    bytes: &[u8],
    cuts: &[usize],
) -> Run {
    let mut bytes = bytes.to_vec();
    let mut seen = Vec::new();
    let mut fault = Ok(());
    for stretch in stretches(&mut bytes, cuts) {
        let result = feed(receiver, stretch, &mut seen);
        if fault.is_ok() {
            fault = result;
        } else {
            assert_eq!(result, fault, "a fault has to stay");
        }
    }
    close_run(seen, fault, || receiver.end())
}

/// Through `MessageDecoder`.
pub fn receiver(setup: &Setup, bytes: &[u8], cuts: &[usize]) -> Run {
    through(&mut setup.receiver(), bytes, cuts)
}

/// Through `MessageDecoder`, by places that are lent after the loop.
pub fn found(setup: &Setup, bytes: &[u8], cuts: &[usize]) -> Run {
    let (mut bytes, mut decoder) = (bytes.to_vec(), setup.receiver());
    let mut seen = Vec::new();
    let mut fault = Ok(());
    for input in stretches(&mut bytes, cuts) {
        let mut at = 0;
        while fault.is_ok() {
            match decoder.find(input, &mut at) {
                Ok(Some(found)) => seen.push(own(decoder.lend(input, &found))),
                Ok(None) => {
                    assert_eq!(at, input.len(), "input left");
                    break;
                }
                Err(found) => fault = Err(found),
            }
        }
    }
    close_run(seen, fault, || decoder.end())
}

/// Through `MessageDecoder`, each stretch as a batch whose events are lent at its end.
pub fn batches(setup: &Setup, bytes: &[u8], cuts: &[usize]) -> Run {
    let (mut bytes, mut decoder) = (bytes.to_vec(), setup.receiver());
    let (mut shared, mut seen) = (BatchBuffer::default(), Vec::new());
    let mut fault = Ok(());
    for input in stretches(&mut bytes, cuts) {
        if fault.is_err() {
            break;
        }
        decoder.release(&mut shared);
        decoder.begin_batch(&mut shared, input.len()).unwrap();
        let (mut at, mut all) = (0, Vec::new());
        fault = loop {
            let simple = decoder.find_simple(input, &mut at, usize::MAX, |text, ascii, place| {
                all.push(Ok(FoundMessage {
                    kind: if text { Kind::Text } else { Kind::Binary },
                    place: Place::Input(place),
                    ascii,
                    opaque: false,
                }));
            });
            if simple.is_err() {
                break simple;
            }
            match decoder.find_any(input, &mut at) {
                Ok(Some(FoundEvent::Message(message))) => all.push(Ok(message)),
                // A batch keeps messages. The next control frame overwrites one that came in parts.
                Ok(Some(control)) => all.push(Err(own(decoder.lend(input, &control)))),
                Ok(None) => break Ok(()),
                Err(found) => break Err(found),
            }
        };
        seen.extend(all.into_iter().map(|found| match found {
            Ok(message) => own(Event::Message(decoder.lend_message(input, &message))),
            Err(control) => control,
        }));
        decoder.end_batch(&mut shared);
    }
    close_run(seen, fault, || decoder.end())
}

/// Through `MessageDecoder`, with payloads written to where it wants them, up to `most` bytes at a time;
/// what is no payload comes byte by byte.
pub fn filled(setup: &Setup, bytes: &[u8], most: usize) -> Run {
    let mut receiver = setup.receiver();
    let mut seen = Vec::new();
    let mut rest = bytes;
    let mut fault = Ok(());
    while !rest.is_empty() && fault.is_ok() {
        if let Some(space) = receiver.space(most) {
            assert!(!space.is_empty() && space.len() <= most);
            let n = space.len().min(rest.len());
            space[..n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
            fault = receiver.fill(n).map(|event| seen.extend(event.map(own)));
        } else {
            fault = feed(&mut receiver, &mut [rest[0]], &mut seen);
            rest = &rest[1..];
        }
    }
    close_run(seen, fault, || receiver.end())
}

/// Through `Pieces`, put together; it goes on after a close frame, and what it tells from there on
/// is not noted.
pub fn pieces(setup: &Setup, bytes: &[u8], cuts: &[usize]) -> Run {
    let mut bytes = bytes.to_vec();
    let mut pieces = setup.pieces();
    let mut seen = Vec::new();
    let mut result = Ok(());
    let (mut message, mut opaque, mut closed) = (Vec::new(), false, false);
    'all: for stretch in stretches(&mut bytes, cuts) {
        let mut input = stretch;
        loop {
            let kind = pieces.kind();
            let before = pieces.offset();
            match pieces.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(Piece::Frame(header))) => {
                    if matches!(header.opcode, OpCode::Text | OpCode::Binary) {
                        opaque = !header.rsv.is_empty();
                    }
                }
                Ok(Some(Piece::Data(data))) => {
                    assert!(!data.is_empty());
                    let n = data.len() as u64;
                    message.extend_from_slice(data);
                    if pieces.offset() != before + n {
                        // The bytes before a fault, which is told next.
                        assert!(pieces.offset() > before + n);
                        assert!(pieces.receive(&mut &mut [][..]).is_err());
                    }
                }
                Ok(Some(Piece::End)) => {
                    let payload = std::mem::take(&mut message);
                    let kind = kind.expect("a message is open");
                    seen.push(match kind {
                        _ if opaque => Seen::Opaque(kind, payload),
                        Kind::Text => Seen::Text(String::from_utf8(payload).expect("UTF-8")),
                        Kind::Binary => Seen::Binary(payload),
                    });
                }
                Ok(Some(Piece::Ping(payload))) => seen.push(Seen::Ping(payload.to_vec())),
                Ok(Some(Piece::Pong(payload))) => seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(Piece::Close(close))) => {
                    seen.push(own_close(close));
                    closed = true;
                    break 'all;
                }
                Err(fault) => {
                    result = Err(fault);
                    break 'all;
                }
            }
        }
        assert!(input.is_empty(), "input left");
    }
    if result.is_err() {
        assert_eq!(pieces.receive(&mut &mut [0x81u8][..]).map(drop), result);
    }
    close_run(seen, result, || if closed { Ok(()) } else { pieces.end() })
}

/// Through `frame::FrameDecoder`.
pub fn frames(setup: &Setup, bytes: &[u8], cuts: &[usize]) -> Run<Frame> {
    let mut bytes = bytes.to_vec();
    let mut decoder = setup.decoder();
    let mut seen: Vec<Frame> = Vec::new();
    let mut result = Ok(());
    let mut ended = true;
    for stretch in stretches(&mut bytes, cuts) {
        let mut input = stretch;
        loop {
            let event = match decoder.decode(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(fault) => {
                    assert!(
                        result.is_ok() || result == Err(fault),
                        "a fault has to stay"
                    );
                    result = Err(fault);
                    break;
                }
            };
            match event {
                frame::FrameEvent::Header(header) => {
                    assert!(ended, "a header inside a frame");
                    ended = false;
                    seen.push(Frame {
                        offset: decoder.frame_offset(),
                        header,
                        payload: Vec::new(),
                    });
                }
                frame::FrameEvent::Payload(payload) => {
                    assert!(!payload.is_empty());
                    let frame = seen.last_mut().expect("a header came");
                    frame.payload.extend_from_slice(payload);
                }
                frame::FrameEvent::End => ended = true,
            }
        }
    }
    if !ended {
        seen.pop();
    }
    close_run(seen, result, || decoder.end())
}

/// Puts whole frames together to messages, with none of the rules that the decoders keep: until a
/// close frame, or what is no message.
pub fn joined(frames: &[Frame]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut open: Option<(OpCode, bool, Vec<u8>)> = None;
    for frame in frames {
        let payload = frame.payload.clone();
        match frame.header.opcode {
            OpCode::Ping => seen.push(Seen::Ping(payload)),
            OpCode::Pong => seen.push(Seen::Pong(payload)),
            OpCode::Close => {
                match payload.split_first_chunk() {
                    None if payload.is_empty() => seen.push(Seen::Close(None)),
                    Some((code, reason)) => {
                        let Ok(reason) = str::from_utf8(reason) else {
                            return seen;
                        };
                        let code = u16::from_be_bytes(*code);
                        seen.push(Seen::Close(Some((code, reason.to_owned()))));
                    }
                    None => {}
                }
                return seen;
            }
            opcode => {
                if opcode != OpCode::Continuation {
                    open = Some((opcode, !frame.header.rsv.is_empty(), Vec::new()));
                }
                let Some((_, _, message)) = &mut open else {
                    return seen;
                };
                message.extend_from_slice(&payload);
            }
        }
        if frame.header.fin
            && !frame.header.opcode.is_control()
            && let Some((opcode, opaque, payload)) = open.take()
        {
            let text = opcode == OpCode::Text;
            let kind = if text { Kind::Text } else { Kind::Binary };
            seen.push(match (opaque, text) {
                (true, _) => Seen::Opaque(kind, payload),
                (false, false) => Seen::Binary(payload),
                (false, true) => match String::from_utf8(payload) {
                    Ok(text) => Seen::Text(text),
                    Err(_) => return seen,
                },
            });
        }
    }
    seen
}

//! Frames from bytes that come cut anywhere.

use core::mem;

use super::simple::{Shape, Simple};
use super::{FrameHeader, MAX_HEADER_LEN, ParsedHeader, Role, Rules, mask};
use crate::error::{ErrorKind, Fault, PeerError};

/// What [`FrameDecoder::decode`] hands out. Every frame is one `FrameHeader`, `Payload`s for as many pieces
/// as its payload came in (none, if it is empty), and one `End`.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameEvent<'a> {
    /// A frame begins.
    Header(FrameHeader),
    /// The next piece of the frame's payload, unmasked, never empty.
    Payload(&'a mut [u8]),
    /// The frame is complete.
    End,
}

/// Reads frames out of a stream of bytes: any split of the stream gives the same frames. It keeps
/// a header that is not yet whole, and nothing else.
///
/// Each header is held to the [`Rules`], and to the order of fragments (RFC 6455 §5.4). What a
/// payload must be is not looked at here; that is [`message`](crate::message)'s.
#[derive(Clone, Debug)]
pub struct FrameDecoder {
    rules: Rules,
    state: State,
    message_open: bool,
    /// Bytes taken so far.
    offset: u64,
    frame_offset: u64,
    partial: [u8; MAX_HEADER_LEN],
    partial_len: u8,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Payload {
        key: Option<[u8; 4]>,
        done: u64,
        len: u64,
    },
    Failed(Fault),
}

impl FrameDecoder {
    /// A decoder at the beginning of a stream.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: State::Header,
            message_open: false,
            offset: 0,
            frame_offset: 0,
            partial: [0; MAX_HEADER_LEN],
            partial_len: 0,
        }
    }

    /// Counts offsets from here instead of 0: for a stream whose handshake was read before.
    #[must_use]
    pub const fn with_offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// Takes bytes off the front of `input` until there is something to tell; `None` when `input`
    /// is used up. Payloads are unmasked where they lie.
    ///
    /// # Errors
    /// The first broken rule, with the offset of the frame's first byte. The decoder stays in that
    /// state: it answers the same to every later call.
    #[inline]
    pub fn decode<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<FrameEvent<'a>>, Fault> {
        match self.state {
            State::Header => Ok(self.header(input)?.map(FrameEvent::Header)),
            State::Payload { done, len, .. } if done == len => {
                self.state = State::Header;
                Ok(Some(FrameEvent::End))
            }
            State::Payload { .. } => Ok(self.piece(input, false).map(|p| FrameEvent::Payload(p.0))),
            State::Failed(fault) => Err(fault),
        }
    }

    /// Says that the stream ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`] inside a frame or a fragmented message; the fault that the
    /// decoder is in, if it is in one.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Failed(fault) => Err(fault),
            State::Header if self.partial_len == 0 && !self.message_open => Ok(()),
            _ => self.fail(PeerError::UnexpectedEof.into(), self.offset),
        }
    }

    /// Whether all that came was whole, and more may come.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, State::Header) && self.partial_len == 0 && !self.message_open
    }

    /// The number of bytes taken so far, from the offset that the decoder began with.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the first byte of the frame whose events come now, or came last.
    pub const fn frame_offset(&self) -> u64 {
        self.frame_offset
    }

    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) const fn role(&self) -> Role {
        self.rules.role()
    }

    pub(crate) fn rules_mut(&mut self) -> &mut Rules {
        &mut self.rules
    }

    /// How many bytes are missing, at least, until something new can be told: of a header as many
    /// as its form still lacks, of a payload one.
    pub fn needed(&self) -> usize {
        match self.state {
            State::Header => {
                match FrameHeader::parse(&self.partial[..usize::from(self.partial_len)]) {
                    Ok(ParsedHeader::Incomplete(needed)) => needed,
                    _ => 0,
                }
            }
            State::Payload { done, len, .. } => usize::from(done < len),
            State::Failed(_) => 0,
        }
    }

    /// What a frame must be to be [`Simple`], here and now, and no larger than `max`; `None` where
    /// none can be.
    #[inline]
    pub(crate) fn shape(&self, max: u64) -> Option<Shape> {
        if !matches!(self.state, State::Header) || self.partial_len != 0 || self.message_open {
            return None;
        }
        let max = max.min(self.rules.max_len());
        Some(Shape {
            masked: self.rules.role() == Role::Server,
            max: u16::try_from(max).unwrap_or(u16::MAX),
        })
    }

    /// Counts a simple frame in.
    #[inline]
    pub(crate) fn count(&mut self, frame: &Simple<'_>) {
        self.frame_offset = self.offset;
        self.offset += frame.frame_len() as u64;
    }

    /// The next frame, if it lies in `input` to its end: its header and its payload, still masked.
    /// Nothing is taken otherwise.
    #[inline]
    pub(crate) fn whole<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<(FrameHeader, &'a mut [u8])>, Fault> {
        if !matches!(self.state, State::Header) || self.partial_len != 0 {
            return Ok(None);
        }
        let (header, n) = match FrameHeader::parse(input) {
            Ok(ParsedHeader::Complete(header, n)) => (header, n),
            Ok(ParsedHeader::Incomplete(_)) => return Ok(None),
            Err(error) => {
                self.frame_offset = self.offset;
                return self.fail_header(error, input);
            }
        };
        if header.len > (input.len() - n) as u64 {
            return Ok(None);
        }
        self.frame_offset = self.offset;
        self.check(&header)?;
        let (frame, rest) = mem::take(input).split_at_mut(n + header.len as usize);
        *input = rest;
        self.offset += frame.len() as u64;
        Ok(Some((header, &mut frame[n..])))
    }

    /// The next header; `None` where `input` ends before it does. Not to be called within a
    /// payload.
    pub(crate) fn header(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHeader>, Fault> {
        if let State::Failed(fault) = self.state {
            return Err(fault);
        }
        if self.partial_len == 0 {
            if input.is_empty() {
                return Ok(None);
            }
            self.frame_offset = self.offset;
        }
        loop {
            let have = usize::from(self.partial_len);
            match FrameHeader::parse(&self.partial[..have]) {
                Ok(ParsedHeader::Complete(header, _)) => {
                    self.check(&header)?;
                    self.partial_len = 0;
                    self.state = State::Payload {
                        key: header.mask,
                        done: 0,
                        len: header.len,
                    };
                    return Ok(Some(header));
                }
                Ok(ParsedHeader::Incomplete(_)) if input.is_empty() => {
                    self.check_front()?;
                    return Ok(None);
                }
                Ok(ParsedHeader::Incomplete(needed)) => {
                    let n = needed.min(input.len());
                    self.partial[have..have + n].copy_from_slice(&input[..n]);
                    self.partial_len += n as u8;
                    self.offset += n as u64;
                    *input = mem::take(input).split_at_mut(n).1;
                }
                Err(error) => {
                    let front = self.partial;
                    return self.fail_header(error, &front);
                }
            }
        }
    }

    /// Fails at a header that can't be parsed. A fault that its first two bytes show comes first: it is
    /// found before the length has come, where the input ends between them.
    #[cold]
    fn fail_header<T>(&mut self, error: ErrorKind, front: &[u8]) -> Result<T, Fault> {
        let start = FrameHeader::parse_front(front.get(..2).unwrap_or_default());
        let error = match start {
            Ok(Some((header, _))) => self
                .rules
                .check_start(&header, self.message_open)
                .map_or_else(ErrorKind::from, |()| error),
            _ => error,
        };
        self.fail(error, self.frame_offset)
    }

    /// Checks the front of a header whose end has not come, so that a fault is found as soon as the
    /// bytes are there that show it: the first two, or the length without the mask key.
    #[cold]
    fn check_front(&mut self) -> Result<(), Fault> {
        let front = &self.partial[..usize::from(self.partial_len)];
        // Nearly all headers that are cut are those of short plain messages.
        if !self.message_open
            && let &[0x81 | 0x82, second, ..] = front
            && second & 0x7f < 126
            && (second & 0x80 != 0) == (self.rules.role() == Role::Server)
            && u64::from(second & 0x7f) <= self.rules.max_len()
        {
            return Ok(());
        }
        let checked = match FrameHeader::parse_front(front) {
            Ok(None) => Ok(()),
            Ok(Some((header, true))) => self.rules.check(&header, self.message_open),
            Ok(Some((header, false))) => self
                .rules
                .check_start(&header, self.message_open)
                .map_err(ErrorKind::from),
            // The length is at fault; perhaps so is what lies before it.
            Err(error) => {
                let front = self.partial;
                return self.fail_header(error, &front);
            }
        };
        match checked {
            Ok(()) => Ok(()),
            Err(error) => self.fail(error, self.frame_offset),
        }
    }

    /// The header of a frame whose mask key has not come, if its length has and is at least `least`:
    /// for limits that hold for it. The key is zeros.
    #[inline]
    pub(crate) fn announced(&self, least: u8) -> Option<FrameHeader> {
        let front = &self.partial[..usize::from(self.partial_len)];
        if front.get(1).is_none_or(|second| second & 0x7f < least) {
            return None;
        }
        match FrameHeader::parse_front(front) {
            Ok(Some((header, true))) => Some(header),
            _ => None,
        }
    }

    /// The next piece of the payload, unmasked, and whether it is known to be ASCII, which is only
    /// looked at on request. `None` where `input` or the payload is at its end.
    #[inline]
    pub(crate) fn piece<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        test_ascii: bool,
    ) -> Option<(&'a mut [u8], bool)> {
        let n = usize::try_from(self.left()).map_or(input.len(), |left| left.min(input.len()));
        if n == 0 {
            return None;
        }
        let (piece, rest) = mem::take(input).split_at_mut(n);
        *input = rest;
        let ascii = self.advance(piece, test_ascii);
        Some((piece, ascii))
    }

    /// The next piece of the payload, as it came, with its mask key and its place in the payload;
    /// it is counted in. `None` where `input` or the payload is at its end.
    #[inline]
    #[expect(clippy::type_complexity, reason = "three parts that are used at once")]
    pub(crate) fn masked_piece<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Option<(&'a mut [u8], Option<[u8; 4]>, u64)> {
        let State::Payload { key, done, len } = &mut self.state else {
            return None;
        };
        let n = usize::try_from(*len - *done).map_or(input.len(), |left| left.min(input.len()));
        if n == 0 {
            return None;
        }
        let (piece, rest) = mem::take(input).split_at_mut(n);
        *input = rest;
        let at = *done;
        *done += n as u64;
        self.offset += n as u64;
        Some((piece, *key, at))
    }

    /// Unmasks the next piece of the payload, which is no longer than [`left`](Self::left), and
    /// counts it in.
    #[inline]
    pub(crate) fn advance(&mut self, piece: &mut [u8], test_ascii: bool) -> bool {
        let State::Payload { key, done, .. } = &mut self.state else {
            return false;
        };
        let ascii = match *key {
            Some(key) if test_ascii => mask::apply_and_test_ascii(key, *done, piece),
            Some(key) => {
                mask::apply(key, *done, piece);
                false
            }
            None => test_ascii && piece.is_ascii(),
        };
        *done += piece.len() as u64;
        self.offset += piece.len() as u64;
        ascii
    }

    /// How many bytes of the current payload have not come.
    #[inline]
    pub(crate) fn left(&self) -> u64 {
        match self.state {
            State::Payload { done, len, .. } => len - done,
            _ => 0,
        }
    }

    /// Whether a header came whose frame was not [ended](Self::end_frame).
    #[inline]
    pub(crate) fn in_frame(&self) -> bool {
        matches!(self.state, State::Payload { .. })
    }

    /// Counts bytes that are not looked at.
    pub(crate) fn skip(&mut self, len: usize) {
        self.offset += len as u64;
    }

    /// The payload is used up: a header is next.
    #[inline]
    pub(crate) fn end_frame(&mut self) {
        debug_assert_eq!(self.left(), 0);
        self.state = State::Header;
    }

    #[inline]
    fn check(&mut self, header: &FrameHeader) -> Result<(), Fault> {
        if let Err(error) = self.rules.check(header, self.message_open) {
            return self.fail(error, self.frame_offset);
        }
        if !header.opcode.is_control() {
            self.message_open = !header.fin;
        }
        Ok(())
    }

    /// The fault that the decoder is in.
    pub(crate) const fn fault(&self) -> Option<Fault> {
        match self.state {
            State::Failed(fault) => Some(fault),
            _ => None,
        }
    }

    /// Goes into the state of a fault, for good.
    #[cold]
    pub(crate) fn fail<T>(&mut self, error: ErrorKind, offset: u64) -> Result<T, Fault> {
        let fault = error.at(offset);
        self.state = State::Failed(fault);
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Role;
    use std::vec::Vec;

    const STREAM: &[u8] = b"\x01\x83\x01\x02\x03\x04\x60\x60\x60\
        \x89\x80\0\0\0\0\
        \x80\xfe\x00\x80\x05\x06\x07\x08";

    fn stream() -> Vec<u8> {
        let mut bytes = STREAM.to_vec();
        bytes.extend((0..128u8).map(|i| b'x' ^ (5 + i % 4)));
        bytes
    }

    /// Headers and payloads, the pieces of a payload joined.
    fn frames(pieces: &mut [&mut [u8]]) -> Result<Vec<(FrameHeader, Vec<u8>, u64)>, Fault> {
        let mut decoder = FrameDecoder::new(Rules::new(Role::Server));
        let mut frames = Vec::new();
        for piece in pieces {
            let mut input = &mut **piece;
            while let Some(event) = decoder.decode(&mut input)? {
                match event {
                    FrameEvent::Header(h) => frames.push((h, Vec::new(), decoder.frame_offset())),
                    FrameEvent::Payload(p) => frames.last_mut().unwrap().1.extend_from_slice(p),
                    FrameEvent::End => {}
                }
            }
            assert!(input.is_empty());
        }
        decoder.finish()?;
        Ok(frames)
    }

    #[test]
    fn any_split_gives_the_same_frames() {
        let whole = frames(&mut [&mut stream()]).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0].1, b"abc");
        assert_eq!(whole[2].1, [b'x'; 128]);
        assert_eq!([whole[0].2, whole[1].2, whole[2].2], [0, 9, 15]);
        for cut in 0..=stream().len() {
            let mut bytes = stream();
            let (front, back) = bytes.split_at_mut(cut);
            assert_eq!(frames(&mut [front, back]).unwrap(), whole);
        }
        let mut bytes = stream();
        let mut single: Vec<_> = bytes.chunks_mut(1).collect();
        assert_eq!(frames(&mut single).unwrap(), whole);
    }

    #[test]
    fn an_end_inside_a_frame_or_message_is_a_fault_at_that_byte() {
        let whole = stream().len();
        for end in 1..whole {
            let mut bytes = stream();
            bytes.truncate(end);
            let fault = ErrorKind::from(PeerError::UnexpectedEof).at(end as u64);
            assert_eq!(frames(&mut [&mut bytes]), Err(fault));
        }
    }

    #[test]
    fn a_fault_stays_and_names_the_frame() {
        let mut bytes = *b"\x82\x80\0\0\0\0\x82\x00\x82\x80";
        let mut decoder = FrameDecoder::new(Rules::new(Role::Server)).with_offset(100);
        let mut input = &mut bytes[..];
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
        let fault = ErrorKind::from(PeerError::UnmaskedFrame).at(106);
        assert_eq!(decoder.decode(&mut input), Err(fault));
        assert_eq!(decoder.finish(), Err(fault));
    }

    #[test]
    fn it_tells_how_many_bytes_a_header_lacks() {
        let mut decoder = FrameDecoder::new(Rules::new(Role::Server));
        for (byte, needed) in [(0x82, 1), (0xfe, 6), (1, 5), (0, 4)] {
            assert_eq!(decoder.decode(&mut &mut [byte][..]), Ok(None));
            assert_eq!(decoder.needed(), needed);
        }
    }
}

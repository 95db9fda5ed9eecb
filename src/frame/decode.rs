//! The frame decoder, which accepts its input in pieces of any size.
//!
//! The problem: a header has 2 to 14 bytes, its own bytes say how many, and a read may end within it.
//! Nearly no header is cut, and the ones that are not must not pay for those that are.
//!
//! Choice: [`whole_header`](FrameDecoder::whole_header) parses a header of which the input has as many bytes
//! as the longest one could need, by loads of constant length, and is inlined. Every other header goes to
//! [`cut_header`](FrameDecoder::cut_header), a call, which collects it in 14 bytes of the decoder. Copying
//! exactly the missing bytes was tried, and took a parse for each: so as many bytes as fit are copied, and
//! those behind the header's end are not taken.
//!
//! Invariant: a fault of a header is reported as soon as its bytes show it, at the offset of the frame, and
//! the same for any cut. After a fault the state is `Failed`, and every later call returns that fault.

use core::mem;

use super::header::missing;
use super::simple::{Shape, Simple};
use super::{FrameHeader, MAX_HEADER_LEN, Role, Rules, mask, plain};
use crate::error::{ErrorKind, Fault, PeerError};

/// An event of [`FrameDecoder::decode`]. Every frame gives one `FrameHeader`, a `Payload` for each
/// piece of its payload (none if it is empty), and one `End`.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameEvent<'a> {
    /// A frame begins.
    Header(FrameHeader),
    /// The next piece of the frame's payload, unmasked, never empty.
    Payload(&'a mut [u8]),
    /// The frame is complete.
    End,
}

/// Reads frames from a stream of bytes. Every split of the stream gives the same frames. The decoder
/// holds an incomplete header, and nothing else.
///
/// The decoder checks each header by the [`Rules`], and the order of fragments (RFC 6455 §5.4). It
/// does not check payloads; the module [`message`](crate::message) does.
#[derive(Clone, Debug)]
pub struct FrameDecoder {
    rules: Rules,
    state: State,
    message_open: bool,
    /// The number of bytes taken so far.
    offset: u64,
    frame_offset: u64,
    partial: [u8; MAX_HEADER_LEN],
    partial_len: u8,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    /// `left` bytes of the payload have not come. The mask key is turned so that its first byte belongs
    /// to the next of them.
    Payload {
        key: Option<[u8; 4]>,
        left: u64,
    },
    Failed(Fault),
}

/// A piece of a payload that a decoder has counted in: how long it is and how it is masked. The caller
/// knows where its bytes lie, and chooses whether they are unmasked there or while they are copied.
#[derive(Clone, Copy)]
pub(crate) struct MaskedPiece {
    pub(crate) len: usize,
    /// Begins with the byte that belongs to the piece's first byte.
    key: Option<[u8; 4]>,
    /// Whether the payload ends with the piece.
    pub(crate) is_last: bool,
}

impl MaskedPiece {
    /// Unmasks the piece where it lies. Returns whether it is known to be ASCII, which is only looked
    /// at on request.
    #[inline(always)]
    pub(crate) fn unmask(&self, data: &mut [u8], test_ascii: bool) -> bool {
        match self.key {
            Some(key) if test_ascii => mask::apply_and_test_ascii(key, 0, data),
            Some(key) => {
                mask::apply(key, 0, data);
                false
            }
            None => test_ascii && data.is_ascii(),
        }
    }

    /// The same while the piece is copied.
    #[inline(always)]
    pub(crate) fn copy(&self, source: &[u8], target: &mut [u8], test_ascii: bool) -> bool {
        match self.key {
            Some(key) if test_ascii => mask::copy_and_test_ascii(key, 0, source, target),
            Some(key) => {
                mask::copy(key, 0, source, target);
                false
            }
            None => {
                plain::copy(source, target);
                test_ascii && target.is_ascii()
            }
        }
    }
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

    /// Sets the first offset, for a stream whose handshake was read before. The default is 0.
    #[must_use]
    pub const fn with_offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// Takes bytes from the front of `input` until there is an event; `None` when `input` is empty.
    /// The decoder unmasks payloads in place.
    ///
    /// # Errors
    /// The first broken rule, with the offset of the frame's first byte. Every later call returns the
    /// same error.
    #[inline]
    pub fn decode<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<FrameEvent<'a>>, Fault> {
        match self.state {
            State::Header => {
                let mut at = 0;
                let header = self.header(input, &mut at);
                *input = mem::take(input).split_at_mut(at).1;
                Ok(header?.map(FrameEvent::Header))
            }
            State::Payload { left: 0, .. } => {
                self.state = State::Header;
                Ok(Some(FrameEvent::End))
            }
            State::Payload { .. } => {
                let piece = self.take(input.len());
                if piece.len == 0 {
                    return Ok(None);
                }
                let (payload, rest) = mem::take(input).split_at_mut(piece.len);
                *input = rest;
                piece.unmask(payload, false);
                Ok(Some(FrameEvent::Payload(payload)))
            }
            State::Failed(fault) => Err(fault),
        }
    }

    /// Says that the stream ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`] inside a frame or a fragmented message, or the earlier fault, if
    /// there was one.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Failed(fault) => Err(fault),
            State::Header if self.partial_len == 0 && !self.message_open => Ok(()),
            _ => self.fail(PeerError::UnexpectedEof.into(), self.offset),
        }
    }

    /// Whether all received frames are complete and no fault was found.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, State::Header) && self.partial_len == 0 && !self.message_open
    }

    /// The offset after the last byte taken, counted from the first offset.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the first byte of the current frame, or of the last one.
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

    /// The least number of bytes until the next event: the missing bytes of a header as far as its
    /// form is known, or one byte of a payload.
    pub fn needed(&self) -> usize {
        match self.state {
            State::Header => missing(&self.partial[..usize::from(self.partial_len)]),
            State::Payload { left, .. } => usize::from(left > 0),
            State::Failed(_) => 0,
        }
    }

    /// The shape of a frame that is [`Simple`], here and now, and no larger than `max`; `None` where
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

    /// The first primitive of receiving: takes the next header off `input`, from `at` on. `None` if
    /// the input ends before the header does; the decoder keeps the part that came. The caller must
    /// not call this within a payload.
    pub(crate) fn header(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Option<FrameHeader>, Fault> {
        match self.whole_header(input, at)? {
            Some(header) => Ok(Some(header)),
            None => self.cut_header(input, at),
        }
    }

    /// [`header`](Self::header) for nearly all headers: no part of it came before, and `input` has as
    /// many bytes as the longest header. In all other cases it returns `None` and takes nothing.
    #[inline(always)]
    pub(crate) fn whole_header(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Option<FrameHeader>, Fault> {
        if !self.is_between_frames() {
            return Ok(None);
        }
        let Some(front) = input[*at..].first_chunk() else {
            return Ok(None);
        };
        self.frame_offset = self.offset;
        match FrameHeader::parse_padded(front) {
            Ok((header, n)) => {
                self.begin_frame(&header)?;
                self.offset += n as u64;
                *at += n;
                Ok(Some(header))
            }
            Err(error) => self.fail_header(error, front),
        }
    }

    /// [`header`](Self::header) for the others. A header is parsed once for each input: as many bytes as
    /// a header can have are copied, and those behind its end are not taken.
    pub(crate) fn cut_header(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Option<FrameHeader>, Fault> {
        if let State::Failed(fault) = self.state {
            return Err(fault);
        }
        let rest = &input[*at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let have = usize::from(self.partial_len);
        if have == 0 {
            self.frame_offset = self.offset;
        }
        let space = &mut self.partial[have..];
        let n = space.len().min(rest.len());
        // A loop, because a call costs more than a few bytes.
        for (to, from) in space.iter_mut().zip(rest) {
            *to = *from;
        }
        if missing(&self.partial[..have + n]) > 0 {
            self.partial_len = (have + n) as u8;
            self.offset += n as u64;
            *at += n;
            self.check_front()?;
            return Ok(None);
        }
        match FrameHeader::parse_padded(&self.partial) {
            Ok((header, len)) => {
                self.partial_len = 0;
                self.begin_frame(&header)?;
                let n = len - have;
                self.offset += n as u64;
                *at += n;
                Ok(Some(header))
            }
            Err(error) => {
                let front = self.partial;
                self.fail_header(error, &front)
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

    /// The second primitive of receiving: takes the next piece of the payload, as much of it as the
    /// `available` bytes have, and counts it in. The piece is empty where the payload is at its end.
    #[inline(always)]
    pub(crate) fn take(&mut self, available: usize) -> MaskedPiece {
        let State::Payload { key, left } = &mut self.state else {
            return MaskedPiece {
                len: 0,
                key: None,
                is_last: false,
            };
        };
        let len = usize::try_from(*left).map_or(available, |left| left.min(available));
        *left -= len as u64;
        let piece = MaskedPiece {
            len,
            key: *key,
            is_last: *left == 0,
        };
        if let Some(key) = key {
            *key = mask::turned(*key, len);
        }
        self.offset += len as u64;
        piece
    }

    /// How many bytes of the current payload have not come.
    #[inline]
    pub(crate) fn left(&self) -> u64 {
        match self.state {
            State::Payload { left, .. } => left,
            _ => 0,
        }
    }

    /// Whether the next byte is the first one of a frame.
    #[inline]
    pub(crate) fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Header) && self.partial_len == 0
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

    /// Whether all of the payload came. If so, a header is next.
    #[inline(always)]
    pub(crate) fn end_frame(&mut self) -> bool {
        let ended = matches!(self.state, State::Payload { left: 0, .. });
        if ended {
            self.state = State::Header;
        }
        ended
    }

    /// Holds a whole header to the rules, and begins its payload.
    #[inline(always)]
    fn begin_frame(&mut self, header: &FrameHeader) -> Result<(), Fault> {
        if let Err(error) = self.rules.check(header, self.message_open) {
            return self.fail(error, self.frame_offset);
        }
        if !header.opcode.is_control() {
            self.message_open = !header.fin;
        }
        self.state = State::Payload {
            key: header.mask,
            left: header.len,
        };
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
        decoder.end()?;
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
        assert_eq!(decoder.end(), Err(fault));
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

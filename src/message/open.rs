//! The message that is begun and not finished, and the rules that it has to keep.

use super::{Event, InboundExtension, Kind, MessageRef, PayloadCoding};
use crate::Limits;
use crate::error::{ErrorKind, LimitError, PeerError};
use crate::frame::{FrameHeader, OpCode, Rsv};
use crate::utf8::Validator;

/// The limits that concern messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) message: u64,
    /// Bytes of a message that the extension decodes, as they come.
    coded: u64,
    pub(super) fragments: u32,
}

impl Bounds {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            message: limits.message,
            coded: limits.max_coded(),
            fragments: limits.fragments,
        }
    }

    /// The most bytes of a message in the form in which they come.
    #[inline]
    const fn most(&self, treatment: PayloadCoding) -> u64 {
        match treatment {
            PayloadCoding::Decode => self.coded,
            PayloadCoding::Plain | PayloadCoding::Opaque => self.message,
        }
    }
}

/// A message of which the first frame's header came.
///
/// Invariant: `announced` is at most `bounds.message`, or `bounds.coded` if the extension decodes the
/// message, and `1 <= fragments <= max(1, bounds.fragments)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) kind: Kind,
    pub(super) treatment: PayloadCoding,
    pub(super) ascii: bool,
    /// Bytes in all frames of which the header came.
    announced: u64,
    fragments: u32,
    text: Validator,
}

impl Open {
    /// Takes note of a data frame's header that the frame's own rules allow.
    #[inline]
    pub(super) fn header(
        open: &mut Option<Self>,
        header: &FrameHeader,
        bounds: &Bounds,
        extension: &mut impl InboundExtension,
    ) -> Result<(), ErrorKind> {
        let kind = match header.opcode {
            OpCode::Text => Kind::Text,
            OpCode::Binary => Kind::Binary,
            _ => return Self::fragment(open, header.len, bounds),
        };
        let treatment = match header.rsv {
            Rsv::NONE => PayloadCoding::Plain,
            rsv => extension.begin(rsv)?,
        };
        if header.len > bounds.most(treatment) {
            return Err(LimitError::MessageTooLarge.into());
        }
        *open = Some(Self {
            kind,
            treatment,
            ascii: kind == Kind::Text,
            announced: header.len,
            fragments: 1,
            text: Validator::new(),
        });
        Ok(())
    }

    /// Frames that are shorter than this pass every limit: for [`announced`](Self::announced).
    #[inline]
    pub(super) fn least(open: &Option<Self>, bounds: &Bounds) -> u8 {
        match open {
            None if bounds.message > 125 => 126,
            _ => 0,
        }
    }

    /// Checks the limits of a message for a frame whose mask key has not come.
    #[cold]
    pub(super) fn announced(
        open: &Option<Self>,
        header: &FrameHeader,
        bounds: &Bounds,
    ) -> Result<(), ErrorKind> {
        if header.opcode.is_control() {
            return Ok(());
        }
        if let Some(open) = open {
            return Self::fragment(&mut Some(*open), header.len, bounds);
        }
        // The extension is not asked before the header is complete, so that it is asked once. Until
        // then its messages may be as long as it can decode.
        let most = match header.rsv.is_empty() {
            true => bounds.message,
            false => bounds.coded,
        };
        match header.len > most {
            true => Err(LimitError::MessageTooLarge.into()),
            false => Ok(()),
        }
    }

    fn fragment(open: &mut Option<Self>, len: u64, bounds: &Bounds) -> Result<(), ErrorKind> {
        let Some(open) = open else {
            return Err(PeerError::UnexpectedContinuation.into());
        };
        open.fragments = open.fragments.saturating_add(1);
        if open.fragments > bounds.fragments {
            return Err(LimitError::TooManyFragments.into());
        }
        // Both are below 2^63.
        open.announced += len;
        if open.announced > bounds.most(open.treatment) {
            return Err(LimitError::MessageTooLarge.into());
        }
        Ok(())
    }

    /// Whether payload has to be UTF-8.
    #[inline]
    pub(super) fn is_text(&self) -> bool {
        self.kind == Kind::Text && self.treatment != PayloadCoding::Opaque
    }

    /// Whether payload has to be UTF-8 as it comes, and whether it goes through the extension.
    #[inline]
    pub(super) fn handling(&self) -> (bool, bool) {
        let coded = self.treatment == PayloadCoding::Decode;
        (self.is_text() && !coded, coded)
    }

    /// Checks the next bytes of a text as it is meant; `Err` has the index of the first byte that
    /// can't be.
    #[inline]
    pub(super) fn text(&mut self, piece: &[u8], ascii: bool) -> Result<(), usize> {
        if ascii {
            return self.text.push_ascii(piece.len());
        }
        self.ascii = false;
        self.text.push(piece)
    }

    /// Whether the message may end here.
    #[inline]
    pub(super) fn may_end(&self) -> bool {
        self.text.is_complete()
    }

    /// The event of the finished message.
    #[inline]
    pub(super) fn event(self, payload: &[u8]) -> Event<'_> {
        Event::Message(MessageRef {
            kind: self.kind,
            payload,
            ascii: self.ascii && self.treatment == PayloadCoding::Plain,
            opaque: self.treatment == PayloadCoding::Opaque,
        })
    }
}

//! The current message, and the rules that it has to keep.
//!
//! The rules across frames are here and nowhere else: that a continuation continues something, that a new
//! message does not begin within another one (RFC 6455 §5.4), that reserved bits come with the first frame,
//! and the limits of bytes and fragments. Whole messages, pieces, batches and onlookers all ask
//! [`Open::header`], so that no way of receiving knows the rules differently.
//!
//! The limits hold for lengths that are announced, when the header arrives: a peer that announces too much is
//! refused before it sends the bytes. A header that is cut is asked the same by [`Open::announced`], as far
//! as its bytes are known.

use super::place::{FoundMessage, Place};
use super::{InboundExtension, Kind, PayloadCoding};
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
    fragments: u32,
    /// Whether texts must be UTF-8.
    pub(super) utf8: bool,
}

impl Bounds {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            message: limits.message,
            coded: limits.max_coded(),
            fragments: limits.fragments,
            utf8: true,
        }
    }

    /// The most bytes of a message in the form in which they come.
    #[inline]
    const fn most(&self, coding: PayloadCoding) -> u64 {
        match coding {
            PayloadCoding::Decode => self.coded,
            PayloadCoding::Plain | PayloadCoding::Opaque => self.message,
        }
    }
}

/// The way in which a payload is taken. The header decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The payload of a whole message: it is copied to the buffer of the message.
    Held,
    /// The payload of a message in pieces: it stays in the input.
    InPlace,
    /// The coded payload of a whole message: it is decoded to the buffer of the message.
    Decoded,
    /// The coded payload of a message in pieces: it is decoded piece by piece.
    DecodedPieces,
    /// The payload of a control frame: it stays in the input if all of it is there.
    Control,
}

/// A message whose first header has arrived.
///
/// Invariant: `announced` is at most `bounds.message`, or `bounds.coded` if the extension decodes the
/// message, and `1 <= fragments <= max(1, bounds.fragments)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    kind: Kind,
    coding: PayloadCoding,
    way: Way,
    /// Whether the message has to be UTF-8, once it is decoded.
    is_text: bool,
    ascii: bool,
    /// The sum of the payload lengths of all headers that have arrived.
    announced: u64,
    fragments: u32,
    text: Validator,
}

impl Open {
    /// Adds a data frame whose header is valid by itself.
    #[inline(always)]
    pub(super) fn header<'o>(
        open: &'o mut Option<Self>,
        header: &FrameHeader,
        pieces: bool,
        bounds: &Bounds,
        extension: &mut impl InboundExtension,
    ) -> Result<&'o Self, ErrorKind> {
        let kind = match header.opcode {
            OpCode::Text => Kind::Text,
            OpCode::Binary => Kind::Binary,
            _ => return Self::fragment(open, header.len, bounds),
        };
        let coding = match header.rsv {
            Rsv::NONE => PayloadCoding::Plain,
            rsv => extension.begin(rsv)?,
        };
        if header.len > bounds.most(coding) {
            return Err(LimitError::MessageTooLarge.into());
        }
        let is_text = kind == Kind::Text && coding != PayloadCoding::Opaque && bounds.utf8;
        Ok(open.insert(Self {
            kind,
            coding,
            ascii: is_text,
            is_text,
            way: match (coding == PayloadCoding::Decode, pieces) {
                (false, false) => Way::Held,
                (false, true) => Way::InPlace,
                (true, false) => Way::Decoded,
                (true, true) => Way::DecodedPieces,
            },
            announced: header.len,
            fragments: 1,
            text: Validator::new(),
        }))
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
            return Self::fragment(&mut Some(*open), header.len, bounds).map(|_| ());
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

    #[inline]
    fn fragment<'o>(
        open: &'o mut Option<Self>,
        len: u64,
        bounds: &Bounds,
    ) -> Result<&'o Self, ErrorKind> {
        let Some(open) = open else {
            return Err(PeerError::UnexpectedContinuation.into());
        };
        open.fragments = open.fragments.saturating_add(1);
        if open.fragments > bounds.fragments {
            return Err(LimitError::TooManyFragments.into());
        }
        // Both are below 2^63.
        open.announced += len;
        if open.announced > bounds.most(open.coding) {
            return Err(LimitError::MessageTooLarge.into());
        }
        Ok(open)
    }

    /// The kind of the message: text or binary.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The way in which the payload is taken.
    #[inline]
    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Whether the message is received in pieces.
    #[inline]
    pub(super) fn pieces(&self) -> bool {
        matches!(self.way, Way::InPlace | Way::DecodedPieces)
    }

    /// Whether only the header of one frame has arrived.
    #[inline]
    pub(super) fn has_one_frame(&self) -> bool {
        self.fragments == 1
    }

    /// Whether the message has to be UTF-8, once it is decoded.
    #[inline]
    pub(super) fn is_text(&self) -> bool {
        self.is_text
    }

    /// Checks the next bytes of the decoded text. `Err` has the index of the first invalid byte.
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

    /// The finished message, whose payload is at `place`.
    #[inline(always)]
    pub(super) fn found(&self, place: Place) -> FoundMessage {
        FoundMessage {
            kind: self.kind,
            place,
            ascii: self.ascii && self.coding == PayloadCoding::Plain,
            opaque: self.coding == PayloadCoding::Opaque,
        }
    }
}

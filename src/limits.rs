//! Every limit of the library, in one place, each with a default that is safe for a server on the
//! open internet.
//!
//! ```
//! use wscodec::Limits;
//!
//! let limits = Limits { message: 1 << 30, ..Limits::DEFAULT };
//! assert!(limits.max_frame() > 1 << 30, "it follows the message limit");
//! ```

/// How much a peer may make us hold or do. What passes a limit is refused from the header alone,
/// before anything is stored for it.
///
/// A literal ends with `..Limits::DEFAULT`, because fields are added with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one frame. Default: `None`, as many as a message within
    /// [`Limits::message`] can need; see [`max_frame`](Self::max_frame). Passing it is
    /// [`FrameTooLarge`](crate::LimitError::FrameTooLarge), close code 1009. If it is `None`, a frame
    /// that is too long for any message is [`MessageTooLarge`](crate::LimitError::MessageTooLarge).
    pub frame: Option<u64>,
    /// Payload bytes of one message, over all its frames; default 64 MiB. Passing it is
    /// [`MessageTooLarge`](crate::LimitError::MessageTooLarge), close code 1009.
    pub message: u64,
    /// Frames of one message, empty ones too; default 131,072. Passing it is
    /// [`TooManyFragments`](crate::LimitError::TooManyFragments), close code 1008.
    pub fragments: u32,
    /// How many times as large as it came a compressed message may become, once it is larger than
    /// [`Limits::INFLATION_FLOOR`]. Default: `u32::MAX`, which is no limit. Deflate can reach 1032
    /// (RFC 1951), and honest messages do so: long runs of one byte, or JSON arrays of one number.
    /// [`Limits::message`] holds for the inflated message, so that a message takes no more memory
    /// than one that is not compressed. A lower ratio bounds the work for each byte that came. It is
    /// counted while the message is inflated, over all its frames. Passing it is
    /// [`InflationRatio`](crate::LimitError::InflationRatio), close code 1009.
    pub inflation: u32,
    /// Bytes of an HTTP head with its closing empty line; default 16 KiB. Passing it is
    /// [`HeadTooLarge`](crate::LimitError::HeadTooLarge), status 431.
    pub head: usize,
    /// Header lines of an HTTP head; default 100, at most [`Limits::MAX_HEADERS`]. Passing it is
    /// [`TooManyHeaders`](crate::LimitError::TooManyHeaders), status 431.
    pub headers: usize,
}

impl Limits {
    /// The most header lines that can be asked for in [`Limits::headers`]; a larger figure counts
    /// as this one.
    pub const MAX_HEADERS: usize = 128;

    /// Up to this size, 1 MiB, [`Limits::inflation`] does not hold.
    pub const INFLATION_FLOOR: u64 = 1 << 20;

    /// The defaults, in a constant.
    pub const DEFAULT: Self = Self {
        frame: None,
        message: 64 << 20,
        fragments: 131_072,
        inflation: u32::MAX,
        head: 16 << 10,
        headers: 100,
    };

    /// The most payload bytes of one frame: [`Limits::frame`], or else [`Limits::message`] and an
    /// eighth more. A compressed frame may be longer than the message in it: an encoder that uses
    /// the fixed codes of deflate needs at most 9 bits for a byte (RFC 1951 §3.2.6). A frame that
    /// is not compressed is held to the message limit besides.
    pub const fn max_frame(&self) -> u64 {
        match self.frame {
            Some(frame) => frame,
            None => self.max_coded(),
        }
    }

    /// The most bytes that a compressed message within [`Limits::message`] can come in.
    pub(crate) const fn max_coded(&self) -> u64 {
        self.message.saturating_add(self.message / 8 + 1024)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

//! All limits of the library. Each has a default that is safe for a server on the open internet.
//!
//! ```
//! use wscodec::Limits;
//!
//! let limits = Limits { message: 1 << 30, ..Limits::DEFAULT };
//! assert!(limits.max_frame() > 1 << 30, "it follows the message limit");
//! ```

/// The limits on the memory and the work that a peer can cause. A frame that exceeds a limit is
/// rejected by its header alone, before any of its payload is stored.
///
/// End a literal with `..Limits::DEFAULT`, because later versions add fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest payload of one frame in bytes. The default is `None`: as many bytes as a message
    /// within [`Limits::message`] can need; see [`max_frame`](Self::max_frame). A larger frame is
    /// [`FrameTooLarge`](crate::LimitError::FrameTooLarge), close code 1009. If the limit is `None`,
    /// a frame that is too long for any message is
    /// [`MessageTooLarge`](crate::LimitError::MessageTooLarge).
    pub frame: Option<u64>,
    /// The largest payload of one message in bytes, over all its frames, after inflating. The default
    /// is 64 MiB. A larger message is [`MessageTooLarge`](crate::LimitError::MessageTooLarge), close
    /// code 1009.
    pub message: u64,
    /// The largest number of frames of one message, including empty ones. The default is 131,072.
    /// More are [`TooManyFragments`](crate::LimitError::TooManyFragments), close code 1008.
    pub fragments: u32,
    /// The largest ratio of the inflated size of a compressed message to its size on the wire, for
    /// messages above [`Limits::INFLATION_FLOOR`]. The default is `u32::MAX`, which means no limit.
    /// Deflate can reach 1032 (RFC 1951), and honest messages do: long runs of one byte, or JSON
    /// arrays of one number. [`Limits::message`] applies to the inflated message, so a compressed
    /// message takes no more memory than another. A lower ratio bounds the work for each received
    /// byte. The decoder checks it while it inflates, over all frames of the message. Above it the
    /// error is [`InflationRatio`](crate::LimitError::InflationRatio), close code 1009.
    pub inflation: u32,
    /// The largest HTTP head in bytes, including its empty line. The default is 16 KiB. A larger head
    /// is [`HeadTooLarge`](crate::LimitError::HeadTooLarge), status 431.
    pub head: usize,
    /// The largest number of header lines of an HTTP head, at most [`Limits::MAX_HEADERS`]. The
    /// default is 100. More are [`TooManyHeaders`](crate::LimitError::TooManyHeaders), status 431.
    pub headers: usize,
}

impl Limits {
    /// The largest value of [`Limits::headers`]; a larger value counts as this one.
    pub const MAX_HEADERS: usize = 128;

    /// [`Limits::inflation`] does not apply to messages up to this size, 1 MiB.
    pub const INFLATION_FLOOR: u64 = 1 << 20;

    /// The defaults as a constant.
    pub const DEFAULT: Self = Self {
        frame: None,
        message: 64 << 20,
        fragments: 131_072,
        inflation: u32::MAX,
        head: 16 << 10,
        headers: 100,
    };

    /// The largest payload of one frame: [`Limits::frame`], or else [`Limits::message`] and an eighth
    /// more. A compressed frame may be longer than its message, because an encoder that uses the
    /// fixed codes of deflate needs up to 9 bits for a byte (RFC 1951 §3.2.6). A frame without
    /// compression is also subject to the limit of the message.
    pub const fn max_frame(&self) -> u64 {
        match self.frame {
            Some(frame) => frame,
            None => self.max_coded(),
        }
    }

    /// The largest size on the wire of a compressed message within [`Limits::message`].
    pub(crate) const fn max_coded(&self) -> u64 {
        self.message.saturating_add(self.message / 8 + 1024)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

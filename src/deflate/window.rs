//! The size of a window.

use core::fmt;

use crate::error::MisuseError;

/// The size of an LZ77 window as the base-2 logarithm of its bytes, 8 to 15 (RFC 7692 §7.1.2): how
/// far back compressed data may refer, and what an inflater has to remember for it.
///
/// ```
/// use wscodec::deflate::WindowBits;
///
/// let window = WindowBits::new(10).unwrap();
/// assert_eq!((window.bits(), window.len()), (10, 1024));
/// assert_eq!(WindowBits::new(16), None);
/// assert!(window < WindowBits::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);

    /// 32,768 bytes: what is used where nothing else is agreed on.
    pub const MAX: Self = Self(15);

    /// The window of `1 << bits` bytes; `None` unless `bits` is 8 to 15.
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// 8 to 15.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The bits as a decimal number. The machinery of `core::fmt` would be 2 KB of the wasm module, which
    /// formats nothing else.
    pub(super) const fn digits(self) -> &'static str {
        match self.0 {
            8 => "8",
            9 => "9",
            10 => "10",
            11 => "11",
            12 => "12",
            13 => "13",
            14 => "14",
            _ => "15",
        }
    }

    /// The window's bytes, 256 to 32,768.
    #[allow(
        clippy::len_without_is_empty,
        reason = "a window is never empty, and not a container"
    )]
    pub const fn len(self) -> usize {
        1 << self.0
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl TryFrom<u8> for WindowBits {
    type Error = MisuseError;

    /// As [`WindowBits::new`].
    ///
    /// # Errors
    /// [`MisuseError::WindowBits`].
    fn try_from(bits: u8) -> Result<Self, MisuseError> {
        Self::new(bits).ok_or(MisuseError::WindowBits)
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.digits())
    }
}

//! Frames that are encoded once and sent many times.

use super::{CloseFrame, FrameHeader, MAX_CONTROL_LEN, OpCode};
use crate::error::MisuseError;

/// The bytes of a whole frame in an array of `N` bytes. It can be made at compile time, on the stack,
/// or in a static.
///
/// A compiled frame has no mask, so only a server sends it: a client needs a new key for each frame
/// (RFC 6455 §5.3).
///
/// ```
/// use wscodec::frame::CompiledFrame;
///
/// assert_eq!(CompiledFrame::PING.as_bytes(), [0x89, 0]);
/// let hello: CompiledFrame<16> = CompiledFrame::text("hello")?;
/// assert_eq!(hello.as_bytes(), b"\x81\x05hello");
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompiledFrame<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl CompiledFrame<2> {
    /// An empty ping.
    pub const PING: Self = Self {
        bytes: [0x89, 0],
        len: 2,
    };
    /// An empty pong.
    pub const PONG: Self = Self {
        bytes: [0x8a, 0],
        len: 2,
    };
    /// A close frame without a code, which the peer sees as 1005.
    pub const CLOSE: Self = Self {
        bytes: [0x88, 0],
        len: 2,
    };
}

impl<const N: usize> CompiledFrame<N> {
    /// Compiles any frame.
    ///
    /// # Errors
    /// [`MisuseError::BufferTooSmall`] if the frame is longer than `N`, and the errors of
    /// [`FrameHeader::encode`]. A `header` with a mask is [`MisuseError::MaskedCompiled`]. The
    /// function sets `len` to the length of the payload.
    pub fn new(header: FrameHeader, payload: &[u8]) -> Result<Self, MisuseError> {
        if header.mask.is_some() {
            return Err(MisuseError::MaskedCompiled);
        }
        let mut bytes = [0; N];
        let len = super::encode(header, payload, &mut bytes)?;
        Ok(Self { bytes, len })
    }

    /// Compiles a final text frame.
    ///
    /// # Errors
    /// [`MisuseError::BufferTooSmall`].
    pub fn text(text: &str) -> Result<Self, MisuseError> {
        Self::new(FrameHeader::new(OpCode::Text, 0), text.as_bytes())
    }

    /// Compiles a final binary frame.
    ///
    /// # Errors
    /// [`MisuseError::BufferTooSmall`].
    pub fn binary(payload: &[u8]) -> Result<Self, MisuseError> {
        Self::new(FrameHeader::new(OpCode::Binary, 0), payload)
    }

    /// Compiles a close frame.
    ///
    /// # Errors
    /// The errors of [`CloseFrame::encode`], and [`MisuseError::BufferTooSmall`].
    pub fn close(close: CloseFrame<'_>) -> Result<Self, MisuseError> {
        let mut payload = [0; MAX_CONTROL_LEN];
        let len = close.encode(&mut payload)?;
        Self::new(FrameHeader::new(OpCode::Close, 0), &payload[..len])
    }

    /// The bytes of the frame.
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }
}

impl<const N: usize> AsRef<[u8]> for CompiledFrame<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;

    #[test]
    fn compiled_frames_are_the_bytes_of_encoded_ones() {
        let going: CompiledFrame<127> = CompiledFrame::close(CloseFrame {
            code: CloseCode::GOING_AWAY,
            reason: "later",
        })
        .unwrap();
        assert_eq!(going.as_bytes(), b"\x88\x07\x03\xe9later");
        assert_eq!(
            CompiledFrame::<6>::text("hello"),
            Err(MisuseError::BufferTooSmall)
        );
        let masked = FrameHeader {
            mask: Some([0; 4]),
            ..FrameHeader::new(OpCode::Text, 0)
        };
        assert_eq!(
            CompiledFrame::<64>::new(masked, b""),
            Err(MisuseError::MaskedCompiled)
        );
    }
}

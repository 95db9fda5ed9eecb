//! The head of a handshake as it comes.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;
use std::io::{Read, Write};
use std::time::Instant;

use super::error::timed_out;
use super::line::{Line, read};
use super::{Buffers, ConnectionOptions, Error};
use crate::error::{LimitError, PeerError};

/// A buffer, and where in it what came lies.
pub(super) type Input = (Vec<u8>, Range<usize>);

/// The result of reading a head; the limits are the reader's. The buffer is used further, for
/// frames.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    len: usize,
}

impl Head {
    pub(super) fn new(options: &ConnectionOptions, buffers: &mut Buffers) -> Self {
        let mut bytes = mem::take(&mut buffers.input);
        bytes.resize(options.buffer.max(512), 0);
        Self { bytes, len: 0 }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn received(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The bytes behind the head.
    pub(super) fn rest(self, head: usize) -> Input {
        (self.bytes, head..self.len)
    }

    /// Doubles the buffer. Its length stays below twice the limit of the head, because whoever
    /// reads the head fails at the limit.
    fn grow(&mut self) -> Result<(), Error> {
        if self.bytes.try_reserve_exact(self.len).is_err() {
            let error = crate::error::ErrorKind::from(LimitError::OutOfMemory);
            return Err(error.at(self.len as u64).into());
        }
        self.bytes.resize(self.len * 2, 0);
        Ok(())
    }

    /// Reads once.
    pub(super) fn read<S: Read + Write>(
        &mut self,
        line: &mut Line<S>,
        until: Option<Instant>,
    ) -> Result<(), Error> {
        if let Some(until) = until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(timed_out());
            }
            line.set_read_timeout(Some(left))?;
        }
        if self.len == self.bytes.len() {
            self.grow()?;
        }
        match read(&mut line.stream, &mut self.bytes[self.len..])? {
            0 => {
                let error = crate::error::ErrorKind::from(PeerError::UnexpectedEof);
                Err(error.at(self.len as u64).into())
            }
            n => {
                self.len += n;
                Ok(())
            }
        }
    }
}

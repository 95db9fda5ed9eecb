//! Bytes that wait to be sent.
//!
//! The session appends frames to one buffer. The payload of a large message is not copied there if the
//! stream can write from several places at once: the queue keeps the message's own memory, and where in
//! the buffer its bytes belong. So pongs and messages that are appended later need not know of it.
//!
//! Invariant: the places of the payloads do not decrease, and none lies before the bytes that have left.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::buffers;

/// From this length on, a payload is not copied. Below, the copy costs less than a second part of a write.
pub(crate) const LARGE: usize = 8 << 10;
/// The most parts of one write.
const PARTS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Frames, or their headers alone. The first `written` bytes have left.
    bytes: Vec<u8>,
    written: usize,
    /// Boxed, because most connections have none most of the time.
    large: Option<Box<Large>>,
}

/// Payloads that were not copied.
#[derive(Debug, Default)]
struct Large {
    /// Each with its place among the bytes of the queue.
    parts: VecDeque<(usize, Bytes)>,
    /// The sum of their lengths.
    len: usize,
}

impl Queue {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        let large = self.large.as_ref().map_or(0, |large| large.len);
        self.bytes.len() - self.written + large
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer that frames are appended to.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The same, with memory.
    pub(crate) fn buffer_with_memory(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = buffers::take_write();
        }
        &mut self.bytes
    }

    /// Makes sure that a payload can be [pushed](Self::push), unless memory runs out.
    pub(crate) fn make_place(&mut self) -> bool {
        let parts = &mut self.large.get_or_insert_default().parts;
        parts.try_reserve(1).is_ok()
    }

    /// Puts a payload behind all that waits.
    pub(crate) fn push(&mut self, payload: Bytes) {
        let large = self.large.get_or_insert_default();
        large.len += payload.len();
        large.parts.push_back((self.bytes.len(), payload));
    }

    /// Drops all that waits.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes once. There must be bytes that wait.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        match &self.large {
            None => stream.poll_write(cx, &self.bytes[self.written..]),
            Some(large) => {
                let mut parts = [IoSlice::new(&[]); PARTS];
                let count = self.fill(&large.parts, &mut parts);
                stream.poll_write_vectored(cx, &parts[..count])
            }
        }
    }

    /// Fills in the first parts that wait, and returns how many.
    fn fill<'q>(
        &'q self,
        large: &'q VecDeque<(usize, Bytes)>,
        parts: &mut [IoSlice<'q>; PARTS],
    ) -> usize {
        let mut count = 0;
        let mut from = self.written;
        let payloads = large.iter().map(|(at, payload)| (*at, &payload[..]));
        for (at, payload) in payloads.chain([(self.bytes.len(), &[][..])]) {
            for part in [&self.bytes[from..at], payload] {
                if part.is_empty() {
                    continue;
                }
                let Some(place) = parts.get_mut(count) else {
                    return count;
                };
                *place = IoSlice::new(part);
                count += 1;
            }
            from = at;
        }
        count
    }

    /// The first `n` bytes have left.
    pub(crate) fn advance(&mut self, n: usize) {
        match &mut self.large {
            None => self.written += n,
            Some(large) => large.advance(n, &mut self.written),
        }
        self.tidy();
    }

    /// Gives memory back that holds nothing which waits.
    pub(crate) fn tidy(&mut self) {
        if self.is_empty() {
            (self.written, self.large) = (0, None);
            buffers::give_write(std::mem::take(&mut self.bytes));
        } else if self.written > self.bytes.len() / 2 {
            // At most once for each byte, so the work is linear.
            self.bytes.drain(..self.written);
            for (at, _) in self.large.iter_mut().flat_map(|large| &mut large.parts) {
                *at -= self.written;
            }
            self.written = 0;
        }
    }
}

impl Large {
    /// The first `n` bytes of the queue have left, of which `written` counts those outside of payloads.
    fn advance(&mut self, mut n: usize, written: &mut usize) {
        while let Some((at, payload)) = self.parts.front_mut() {
            let before = n.min(*at - *written);
            *written += before;
            n -= before;
            let within = n.min(payload.len());
            payload.advance(within);
            self.len -= within;
            n -= within;
            if *written < *at || !payload.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
        *written += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most so many bytes at a time.
    struct Slow(usize, Vec<u8>);

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = bytes.len().min(self.0);
            self.1.extend_from_slice(&bytes[..len]);
            Poll::Ready(Ok(len))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            parts: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            self.as_mut().poll_write(cx, &all)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn payloads_leave_at_their_places_however_the_writes_are_cut() {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for step in 1..40 {
            let (mut queue, mut stream) = (Queue::default(), Slow(step, Vec::new()));
            for i in 0..2 * PARTS as u8 {
                queue.buffer_with_memory().extend_from_slice(&[i, i]);
                // Two payloads may lie at the same place.
                for _ in 0..i % 3 {
                    queue.push(vec![b'a' + i; usize::from(i)].into());
                }
                // Some bytes leave in between.
                if i % 5 == 0 {
                    let Poll::Ready(Ok(n)) = queue.poll_write(&mut stream, &mut cx) else {
                        panic!("it is always ready");
                    };
                    queue.advance(n);
                }
            }
            while !queue.is_empty() {
                let before = queue.len();
                let Poll::Ready(Ok(n)) = queue.poll_write(&mut stream, &mut cx) else {
                    panic!("it is always ready");
                };
                queue.advance(n);
                assert_eq!(queue.len() + n, before);
            }
            assert!(queue.bytes.capacity() == 0 && queue.large.is_none());
            let sent: Vec<u8> = (0..2 * PARTS as u8)
                .flat_map(|i| {
                    let payload = vec![b'a' + i; usize::from(i) * usize::from(i % 3)];
                    [vec![i, i], payload].concat()
                })
                .collect();
            assert_eq!(stream.1, sent, "{step} bytes at a time");
        }
    }
}

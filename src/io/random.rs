//! Mask keys and nonces that can't be guessed (RFC 6455 §4.1, §5.3, §10.3).

use std::cell::RefCell;
use std::io;
use std::thread_local;

use crate::handshake::Nonce;
use crate::message::MaskSource;

/// Bytes that a thread draws at a time: 512 keys. One system call costs more than 350 ns, so a call
/// for each key would cost more than the rest of a short frame; in a block of this size a key costs
/// about 11 ns.
const BLOCK: usize = 2 << 10;

thread_local! {
    /// The keys of all connections that send on this thread, so that an idle connection holds none.
    static BLOCK_OF_THREAD: RefCell<Block> = const {
        RefCell::new(Block { at: BLOCK, bytes: [0; BLOCK] })
    };
}

/// Where a connection's mask keys come from: the system's source of random numbers, in blocks that the
/// connections of a thread share, at a client; nowhere at a server, which masks nothing.
#[derive(Debug)]
pub struct Keys(Source);

#[derive(Debug)]
enum Source {
    None,
    Zero,
    Random,
}

/// Invariant: the bytes from `at` on were drawn and not used yet; those before are zero.
struct Block {
    at: usize,
    bytes: [u8; BLOCK],
}

impl Block {
    fn refill_if_empty(&mut self) -> io::Result<()> {
        if self.at == BLOCK {
            fill(&mut self.bytes)?;
            self.at = 0;
        }
        Ok(())
    }

    fn next_key(&mut self) -> io::Result<[u8; 4]> {
        self.refill_if_empty()?;
        let mut key = [0; 4];
        let used = &mut self.bytes[self.at..self.at + 4];
        key.copy_from_slice(used);
        // Used keys are erased, so that a later read of this memory does not reveal them.
        used.fill(0);
        self.at += 4;
        Ok(key)
    }
}

impl Keys {
    /// No keys: a server's.
    pub const fn none() -> Self {
        Self(Source::None)
    }

    /// Keys of zeros, against RFC 6455 §10.3: see
    /// [`DangerouslyZero`](crate::message::DangerouslyZero).
    pub const fn dangerously_zero() -> Self {
        Self(Source::Zero)
    }

    /// Keys from the system's source of random numbers: a client's. A process that forks without
    /// `exec` must not send in both processes, because they would use the same keys.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> io::Result<Self> {
        // A system without such numbers is found here, and not when the first message is sent.
        match BLOCK_OF_THREAD.try_with(|block| block.borrow_mut().refill_if_empty()) {
            Ok(filled) => filled?,
            Err(_) => fill(&mut [0; 4])?,
        }
        Ok(Self(Source::Random))
    }
}

impl MaskSource for Keys {
    /// # Panics
    /// If the system's source, which has given before, gives no more: there is no safe way to send
    /// then.
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        match self.0 {
            Source::None => None,
            Source::Zero => Some([0; 4]),
            Source::Random => Some(random_key().expect("the system has random numbers")),
        }
    }
}

fn random_key() -> io::Result<[u8; 4]> {
    BLOCK_OF_THREAD
        .try_with(|block| block.borrow_mut().next_key())
        .unwrap_or_else(|_| {
            // The thread ends, and its block is gone already.
            let mut key = [0; 4];
            fill(&mut key)?;
            Ok(key)
        })
}

/// A client's nonce, from the system's source of random numbers (RFC 6455 §4.1).
///
/// # Errors
/// If the system has none.
pub fn nonce() -> io::Result<Nonce> {
    let mut nonce = [0; 16];
    fill(&mut nonce)?;
    Ok(nonce.into())
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_do_not_repeat() {
        let mut keys = Keys::random().unwrap();
        let drawn: BTreeSet<_> = (0..1000).map(|_| keys.next_key().unwrap()).collect();
        // By chance, two of a thousand are equal once in ten thousand runs; ten never are.
        assert!(drawn.len() > 990);
        let other = std::thread::spawn(|| Keys::random().unwrap().next_key().unwrap());
        assert!(
            !drawn.contains(&other.join().unwrap()),
            "once in 4 million runs"
        );
        assert_ne!(nonce().unwrap(), nonce().unwrap());
        assert_eq!(Keys::none().next_key(), None);
        assert_eq!(Keys::dangerously_zero().next_key(), Some([0; 4]));
    }
}

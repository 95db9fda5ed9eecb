//! Mask keys and nonces that can't be guessed (RFC 6455 §4.1, §5.3, §10.3).

use alloc::boxed::Box;
use std::io;

use crate::handshake::Nonce;
use crate::message::MaskSource;

/// Bytes that are drawn at a time: 128 keys.
const BLOCK: usize = 512;

/// Where a connection's mask keys come from: the system's source of random numbers, in blocks, at a
/// client; nowhere at a server, which masks nothing.
#[derive(Debug)]
pub struct Keys(Source);

#[derive(Debug)]
enum Source {
    None,
    Zero,
    Random(Box<Block>),
}

#[derive(Debug)]
struct Block {
    at: usize,
    bytes: [u8; BLOCK],
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

    /// Keys from the system's source of random numbers: a client's.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> io::Result<Self> {
        let mut block = Box::new(Block {
            at: 0,
            bytes: [0; BLOCK],
        });
        fill(&mut block.bytes)?;
        Ok(Self(Source::Random(block)))
    }
}

impl MaskSource for Keys {
    /// # Panics
    /// If the system's source, which has given before, gives no more: there is no safe way to send
    /// then.
    fn next_key(&mut self) -> Option<[u8; 4]> {
        match &mut self.0 {
            Source::None => None,
            Source::Zero => Some([0; 4]),
            Source::Random(block) => {
                if block.at == BLOCK {
                    fill(&mut block.bytes).expect("the system has random numbers");
                    block.at = 0;
                }
                let mut key = [0; 4];
                key.copy_from_slice(&block.bytes[block.at..block.at + 4]);
                // Bytes that were used are not kept for others to read.
                block.bytes[block.at..block.at + 4].fill(0);
                block.at += 4;
                Some(key)
            }
        }
    }
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
        assert_ne!(nonce().unwrap(), nonce().unwrap());
        assert_eq!(Keys::none().next_key(), None);
        assert_eq!(Keys::dangerously_zero().next_key(), Some([0; 4]));
    }
}

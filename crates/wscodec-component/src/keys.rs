//! Mask keys.

use alloc::boxed::Box;
use alloc::vec::Vec;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use core_codec::frame::Role;
use core_codec::message::MaskSource;

use crate::errors;
use crate::wit::types::{Error, MaskKey, MaskSource as Source};

/// The bytes of key stream that are made at once.
const BLOCK: usize = 64;

/// The mask keys of one encoder or session.
pub(crate) enum Keys {
    /// A server has none.
    Unmasked,
    /// The key stream of ChaCha20. It lies elsewhere, as servers have none.
    Seeded(Box<Stream>),
    /// The keys of the caller, from `next` on. There is at least one.
    Repeated { keys: Vec<MaskKey>, next: usize },
}

/// The key stream of a seed: one nonce after the other, which each have 256 GiB.
pub(crate) struct Stream {
    seed: [u8; 32],
    nonce: u64,
    cipher: ChaCha20,
    block: [u8; BLOCK],
    at: usize,
}

impl Keys {
    pub(crate) fn new(source: Source) -> Result<Self, Error> {
        match source {
            Source::Unmasked => Ok(Self::Unmasked),
            Source::Seeded(seed) => match <[u8; 32]>::try_from(&seed[..]) {
                Ok(seed) => Ok(Self::Seeded(Box::new(Stream::new(seed)))),
                Err(_) => Err(errors::option("the seed of `mask` must have 32 bytes")),
            },
            Source::DangerouslyRepeated(keys) if keys.is_empty() => Err(errors::option(
                "`mask` must have at least one key to repeat",
            )),
            Source::DangerouslyRepeated(keys) => Ok(Self::Repeated { keys, next: 0 }),
        }
    }

    /// The side that has these keys.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Unmasked => Role::Server,
            _ => Role::Client,
        }
    }
}

impl Stream {
    fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            nonce: 0,
            cipher: cipher(&seed, 0),
            block: [0; BLOCK],
            at: BLOCK,
        }
    }

    #[cold]
    fn refill(&mut self) {
        self.block = [0; BLOCK];
        self.at = 0;
        if self.cipher.try_apply_keystream(&mut self.block).is_err() {
            self.nonce += 1;
            self.cipher = cipher(&self.seed, self.nonce);
            self.cipher.apply_keystream(&mut self.block);
        }
    }
}

fn cipher(seed: &[u8; 32], nonce: u64) -> ChaCha20 {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&nonce.to_le_bytes());
    ChaCha20::new(&(*seed).into(), &bytes.into())
}

impl MaskSource for Keys {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        match self {
            Self::Unmasked => None,
            Self::Seeded(stream) => {
                if stream.at == BLOCK {
                    stream.refill();
                }
                let (keys, _) = stream.block.as_chunks::<4>();
                let key = keys[stream.at / 4];
                stream.at += 4;
                Some(key)
            }
            Self::Repeated { keys, next } => {
                let key = keys[*next];
                *next = (*next + 1) % keys.len();
                Some(key.into())
            }
        }
    }
}

//! The derivation of record keys, and the decryption of records.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384};

use super::keys::Secret;

/// The tag behind the ciphertext of each record.
pub(super) const TAG: usize = 16;

/// The part of the nonce that a record of TLS 1.2 with AES-GCM carries (RFC 5288 §3).
const EXPLICIT: usize = 8;

/// A cipher suite, as far as records depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    cipher: Cipher,
    hash: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    Aes128,
    Aes256,
    ChaCha20,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
}

impl Suite {
    /// By its number in the registry; `None` if its records can't be read.
    pub(super) fn new(number: u16) -> Option<Self> {
        let (cipher, hash) = match number {
            // TLS 1.3; then RSA, DHE, PSK, ECDHE with ECDSA and with RSA, and ECDHE with PSK.
            0x1301 | 0x009c | 0x009e | 0x00a8 | 0x00aa | 0xc02b | 0xc02f | 0xd001 => {
                (Cipher::Aes128, Hash::Sha256)
            }
            0x1302 | 0x009d | 0x009f | 0x00a9 | 0x00ab | 0xc02c | 0xc030 | 0xd002 => {
                (Cipher::Aes256, Hash::Sha384)
            }
            0x1303 | 0xcca8..=0xccae => (Cipher::ChaCha20, Hash::Sha256),
            _ => return None,
        };
        Some(Self { cipher, hash })
    }

    fn key_len(self) -> usize {
        match self.cipher {
            Cipher::Aes128 => 16,
            Cipher::Aes256 | Cipher::ChaCha20 => 32,
        }
    }

    /// The bytes of a nonce that both sides derive, in TLS 1.2.
    fn fixed_iv_len(self) -> usize {
        match self.cipher {
            Cipher::ChaCha20 => 12,
            _ => 4,
        }
    }

    /// `HKDF-Expand-Label` without a context (RFC 8446 §7.1).
    fn expand(self, secret: &[u8], label: &str, out: &mut [u8]) -> Option<()> {
        let mut info = (out.len() as u16).to_be_bytes().to_vec();
        info.push(6 + label.len() as u8);
        info.extend_from_slice(b"tls13 ");
        info.extend_from_slice(label.as_bytes());
        info.push(0);
        match self.hash {
            Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret)
                .ok()?
                .expand(&info, out)
                .ok(),
            Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret)
                .ok()?
                .expand(&info, out)
                .ok(),
        }
    }

    /// The next secret, after a KeyUpdate (RFC 8446 §7.2).
    pub(super) fn update(self, secret: &Secret) -> Option<Secret> {
        let mut next = [0; 48];
        let len = secret.as_bytes().len();
        self.expand(secret.as_bytes(), "traffic upd", next.get_mut(..len)?)?;
        Secret::new(&next[..len])
    }

    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
        macro_rules! with {
            ($hash:ty) => {{
                let mut mac = <Hmac<$hash> as hmac::KeyInit>::new_from_slice(key).ok()?;
                for part in parts {
                    mac.update(part);
                }
                Some(mac.finalize().into_bytes().to_vec())
            }};
        }
        match self.hash {
            Hash::Sha256 => with!(Sha256),
            Hash::Sha384 => with!(Sha384),
        }
    }

    /// The pseudorandom function of TLS 1.2 (RFC 5246 §5).
    fn prf(self, secret: &[u8], label: &[u8], seed: &[u8], len: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut a = self.hmac(secret, &[label, seed])?;
        while out.len() < len {
            out.extend(self.hmac(secret, &[&a, label, seed])?);
            a = self.hmac(secret, &[&a])?;
        }
        out.truncate(len);
        Some(out)
    }

    /// The keys of both directions in TLS 1.2 (RFC 5246 §6.3).
    pub(super) fn of_master(
        self,
        master: &Secret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> Option<[Decryptor; 2]> {
        let (key, iv) = (self.key_len(), self.fixed_iv_len());
        let seed = [&server_random[..], &client_random[..]].concat();
        let block = self.prf(master.as_bytes(), b"key expansion", &seed, 2 * (key + iv))?;
        let (keys, ivs) = block.split_at(2 * key);
        let of =
            |i: usize| Decryptor::new(self, &keys[i * key..][..key], &ivs[i * iv..][..iv], true);
        Some([of(0)?, of(1)?])
    }

    /// The keys of one direction in TLS 1.3 (RFC 8446 §7.3).
    pub(super) fn of_secret(self, secret: &Secret) -> Option<Decryptor> {
        let (mut key, mut iv) = ([0; 32], [0; 12]);
        let key = &mut key[..self.key_len()];
        self.expand(secret.as_bytes(), "key", key)?;
        self.expand(secret.as_bytes(), "iv", &mut iv)?;
        Decryptor::new(self, key, &iv, false)
    }
}

/// Decrypts the records of one direction.
pub(super) struct Decryptor {
    cipher: Keyed,
    iv: [u8; 12],
    /// Whether each record carries a part of its nonce.
    explicit: bool,
    tls12: bool,
    sequence: u64,
}

enum Keyed {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
    ChaCha20(Box<ChaCha20Poly1305>),
}

/// A key is not printed.
impl core::fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Decryptor at {}", self.sequence)
    }
}

impl Decryptor {
    fn new(suite: Suite, key: &[u8], iv: &[u8], tls12: bool) -> Option<Self> {
        let cipher = match suite.cipher {
            Cipher::Aes128 => Keyed::Aes128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            Cipher::Aes256 => Keyed::Aes256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Cipher::ChaCha20 => {
                Keyed::ChaCha20(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?))
            }
        };
        let mut whole = [0; 12];
        whole.get_mut(..iv.len())?.copy_from_slice(iv);
        Some(Self {
            cipher,
            iv: whole,
            explicit: tls12 && suite.cipher != Cipher::ChaCha20,
            tls12,
            sequence: 0,
        })
    }

    /// A record was lost.
    pub(super) fn pass(&mut self) {
        self.sequence += 1;
    }

    /// How many bytes of a record's body are not plaintext, at least.
    pub(super) fn overhead(&self) -> usize {
        TAG + if self.explicit { EXPLICIT } else { 0 } + if self.tls12 { 0 } else { 1 }
    }

    /// Decrypts a record in place and leaves the plaintext in `body`, or leaves `body` as it was.
    /// Says whether it was decrypted.
    pub(super) fn decrypt(&mut self, head: &[u8; 5], body: &mut Vec<u8>) -> bool {
        let prefix = if self.explicit { EXPLICIT } else { 0 };
        let Some(len) = body.len().checked_sub(TAG + prefix) else {
            return false;
        };
        let mut nonce = self.iv;
        if self.explicit {
            nonce[4..].copy_from_slice(&body[..EXPLICIT]);
        } else {
            for (byte, part) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
                *byte ^= part;
            }
        }
        // RFC 8446 §5.2; RFC 5246 §6.2.3.3.
        let mut aad = Vec::with_capacity(13);
        if self.tls12 {
            aad.extend(self.sequence.to_be_bytes());
            aad.extend(&head[..3]);
            aad.extend((len as u16).to_be_bytes());
        } else {
            aad.extend(head);
        }
        let mut plain = body[prefix..].to_vec();
        let nonce = &nonce.into();
        let done = match &self.cipher {
            Keyed::Aes128(cipher) => cipher.decrypt_in_place(nonce, &aad, &mut plain),
            Keyed::Aes256(cipher) => cipher.decrypt_in_place(nonce, &aad, &mut plain),
            Keyed::ChaCha20(cipher) => cipher.decrypt_in_place(nonce, &aad, &mut plain),
        };
        if done.is_err() {
            return false;
        }
        self.sequence += 1;
        *body = plain;
        true
    }
}

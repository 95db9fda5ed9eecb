//! TLS 1.2 (RFC 5246) and 1.3 (RFC 8446), decrypted with the keys of an `SSLKEYLOGFILE`.
//!
//! Without the feature `tls` only a ClientHello is read, for the name of the server.
//!
//! Only the messages that matter to an onlooker are read: ClientHello, ServerHello, Finished,
//! EndOfEarlyData and KeyUpdate. Keys are looked up by the client's random number, so a connection
//! that resumes a session needs no more than any other. Cipher suites with AES-GCM and with
//! ChaCha20-Poly1305 are read.
//!
//! A hole within one record costs that record: its length is known, so the sequence number is, too.
//! Any other hole ends the decryption, because the number of lost records is not known.
//!
//! | file | has |
//! |---|---|
//! | `mod` | records, and the order of keys |
//! | `hello` | ClientHello and ServerHello |
//! | `keys` | the key log |
//! | `crypt` | the derivation of keys, and decryption |

#[cfg(feature = "tls")]
mod crypt;
pub(crate) mod hello;
#[cfg(feature = "tls")]
mod keys;
#[cfg(feature = "tls")]
mod records;

#[cfg(feature = "tls")]
pub(crate) use keys::KeyLog;
#[cfg(feature = "tls")]
pub(crate) use records::{Plain, Tls};

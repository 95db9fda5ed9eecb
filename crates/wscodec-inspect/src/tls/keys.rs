//! The lines of an `SSLKEYLOGFILE` (`draft-ietf-tls-keylogfile`).

use std::collections::HashMap;

/// Client random numbers of which keys are known at a time.
const MAX_CLIENTS: usize = 1 << 17;

/// A secret: 48 bytes at most (SHA-384, and the master secret of TLS 1.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    bytes: [u8; 48],
    len: u8,
}

impl Secret {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self {
            bytes: [0; 48],
            len: bytes.len() as u8,
        };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(secret)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A secret is not printed.
impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

/// The secrets of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Secrets {
    /// Of TLS 1.2.
    pub(super) master: Option<Secret>,
    pub(super) early: Option<Secret>,
    /// Of the handshake and of the application, from the client and from the server.
    pub(super) handshake: [Option<Secret>; 2],
    pub(super) application: [Option<Secret>; 2],
}

/// Keys by the client's random number.
#[derive(Debug, Default)]
pub(crate) struct KeyLog {
    clients: HashMap<[u8; 32], Box<Secrets>>,
}

impl KeyLog {
    /// Takes the lines of a key log. Lines that are none are passed over.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        for line in bytes.split(|&byte| byte == b'\n') {
            let _ = self.line(line);
        }
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.trim_ascii().split(|&byte| byte == b' ');
        let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
        let random: [u8; 32] = hex(random)?.try_into().ok()?;
        let secret = Secret::new(&hex(secret)?)?;
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&random) {
            return None;
        }
        let secrets = self.clients.entry(random).or_default();
        let location = match label {
            b"CLIENT_RANDOM" => &mut secrets.master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => &mut secrets.early,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => &mut secrets.handshake[0],
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => &mut secrets.handshake[1],
            b"CLIENT_TRAFFIC_SECRET_0" => &mut secrets.application[0],
            b"SERVER_TRAFFIC_SECRET_0" => &mut secrets.application[1],
            _ => return None,
        };
        *location = Some(secret);
        Some(())
    }

    pub(super) fn of(&self, random: &[u8; 32]) -> Option<&Secrets> {
        self.clients.get(random).map(|secrets| &**secrets)
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|it| it as u8);
    pairs
        .iter()
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_passed_over() {
        let random = "ab".repeat(32);
        let log = format!(
            "# a comment\r\nCLIENT_RANDOM {random} {}\nnonsense\nSERVER_TRAFFIC_SECRET_0 {random} 0102\n\
             CLIENT_RANDOM short 00\nCLIENT_RANDOM {random} 0\nDANCE {random} 00",
            "cd".repeat(48)
        );
        let mut keys = KeyLog::default();
        keys.read(log.as_bytes());
        let secrets = keys.of(&[0xab; 32]).unwrap();
        assert_eq!(secrets.master.unwrap().as_bytes(), [0xcd; 48]);
        assert_eq!(secrets.application[1].unwrap().as_bytes(), [1, 2]);
        assert_eq!(secrets.application[0], None);
        assert!(keys.of(&[0; 32]).is_none());
        assert_eq!(format!("{:?}", secrets.master), "Some(Secret)");
    }
}

//! The records of a connection (RFC 8446 §5), and which keys hold for them.

use super::crypt::{Decryptor, Suite};
use super::hello::{self, Hello, RETRY};
use super::keys::{KeyLog, Secret, Secrets};
use crate::event::PacketInfo;
use crate::held::Held;

/// The longest body of a record, with what encryption may add.
const MAX_RECORD: usize = (16 << 10) + 2048;

/// Bytes of handshake messages that are put together.
const MAX_HANDSHAKE: usize = 256 << 10;

// Types of records.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

// Types of handshake messages.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const END_OF_EARLY_DATA: u8 = 5;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// The plaintext and the events of a connection.
#[derive(Debug)]
pub(crate) enum Plain {
    /// Application data of the client (0) or the server (1).
    Data(usize, Vec<u8>, PacketInfo),
    /// A record of it is missing, with so many bytes.
    Hole(usize, u64, PacketInfo),
    /// It can't be decrypted, for this reason.
    Failed(&'static str),
    /// There are no keys for it.
    NoKeys,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Tls {
    halves: [Half; 2],
    pub(crate) hello: Hello,
    server_random: Option<[u8; 32]>,
    suite: Option<Suite>,
    tls13: bool,
    secrets: Option<Secrets>,
    over: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    held: Held,
    /// Bytes at the front of `held` are missing in the record that is there.
    damaged: bool,
    /// Handshake messages that are not whole.
    handshake: Vec<u8>,
    keys: Option<Decryptor>,
    /// The secret of `keys`, which a KeyUpdate renews.
    secret: Option<Secret>,
    /// Keys that hold from the next ChangeCipherSpec on, in TLS 1.2.
    pending: Option<Decryptor>,
    /// Keys of early data, which only a client has.
    early: Option<Decryptor>,
}

impl Tls {
    /// A connection whose first bytes are these.
    pub(crate) fn new(held: [Held; 2]) -> Self {
        let [client, server] = held;
        let half = |held| Half {
            held,
            ..Half::default()
        };
        Self {
            halves: [half(client), half(server)],
            hello: Hello::default(),
            server_random: None,
            suite: None,
            tls13: false,
            secrets: None,
            over: false,
        }
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        let each = self.halves.iter();
        each.map(|half| half.held.memory() + half.handshake.capacity())
            .sum::<usize>()
            + 4096
    }

    /// Whether nothing says how the connection is encrypted.
    pub(crate) fn is_unknown(&self) -> bool {
        self.server_random.is_none() && !self.over
    }

    /// The next bytes of a direction.
    pub(crate) fn bytes(&mut self, direction: usize, bytes: &[u8], packet: PacketInfo) {
        self.halves[direction].held.push(bytes, packet);
    }

    /// So many bytes are missing. Says whether the records behind them can be found.
    pub(crate) fn hole(&mut self, direction: usize, len: u64, packet: PacketInfo) -> bool {
        let half = &mut self.halves[direction];
        let have = half.held.len();
        let Some(head) = half.held.bytes().first_chunk::<5>() else {
            return false;
        };
        let whole = 5 + usize::from(u16::from_be_bytes([head[3], head[4]]));
        // A record that is whole waits for the other direction; what is missing lies behind it.
        if have >= whole || len > (whole - have) as u64 || half.keys.is_none() {
            return false;
        }
        half.damaged = true;
        half.held.push(&vec![0; len as usize], packet);
        true
    }

    /// Reads all records that are whole and can be read now.
    pub(crate) fn read(&mut self, keys: &KeyLog, out: &mut Vec<Plain>) {
        loop {
            let before = out.len();
            let some = [self.record(0, keys, out), self.record(1, keys, out)];
            if self.over || some == [false; 2] && out.len() == before {
                break;
            }
        }
    }

    fn fail(&mut self, plain: Plain, out: &mut Vec<Plain>) {
        if !self.over {
            self.over = true;
            out.push(plain);
        }
    }

    /// Reads the record at the front of a direction. Says whether there was one.
    fn record(&mut self, direction: usize, keys: &KeyLog, out: &mut Vec<Plain>) -> bool {
        if self.over {
            return false;
        }
        let half = &mut self.halves[direction];
        let Some(head) = half.held.bytes().first_chunk::<5>().copied() else {
            return false;
        };
        let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&head[0])
            || head[1] != 3
            || len > MAX_RECORD
        {
            self.fail(Plain::Failed("a record is damaged"), out);
            return false;
        }
        let Some(body) = half.held.bytes().get(5..5 + len) else {
            return false;
        };
        let encrypted = half.keys.is_some() || head[0] == APPLICATION_DATA;
        // The ServerHello says how the client's records are encrypted.
        if encrypted && half.keys.is_none() && self.suite.is_none() {
            return false;
        }
        let packet = half.held.packet_at(4 + len);
        let mut body = body.to_vec();
        half.held.consume(5 + len);
        if core::mem::take(&mut half.damaged) {
            if let Some(keys) = &mut half.keys {
                keys.pass();
                let len = body.len().saturating_sub(keys.overhead());
                out.push(Plain::Hole(direction, len as u64, packet));
            }
            return true;
        }
        match head[0] {
            CHANGE_CIPHER_SPEC if !self.tls13 && half.pending.is_some() => {
                half.keys = half.pending.take();
            }
            // In TLS 1.3 it has no meaning (RFC 8446 §5).
            CHANGE_CIPHER_SPEC => {
                if !self.tls13 && self.suite.is_some() {
                    self.fail(Plain::NoKeys, out);
                }
            }
            _ if half.keys.is_none() && head[0] == HANDSHAKE => {
                self.handshake(direction, &body, keys, out);
            }
            _ if half.keys.is_none() && head[0] == ALERT => {}
            _ => self.encrypted(direction, head, &mut body, packet, keys, out),
        }
        true
    }

    fn encrypted(
        &mut self,
        direction: usize,
        head: [u8; 5],
        body: &mut Vec<u8>,
        packet: PacketInfo,
        log: &KeyLog,
        out: &mut Vec<Plain>,
    ) {
        let handshake = self.secrets.and_then(|secrets| secrets.handshake[0]);
        let half = &mut self.halves[direction];
        let Some(keys) = &mut half.keys else {
            self.fail(Plain::NoKeys, out);
            return;
        };
        let mut kind = head[0];
        if !keys.decrypt(&head, body) {
            // Early data has keys of its own. If the server rejects it, it is passed over.
            let early = half
                .early
                .as_mut()
                .is_some_and(|early| early.decrypt(&head, body));
            if !early {
                if self.hello.early && direction == 0 && half.secret == handshake {
                    return;
                }
                self.fail(
                    Plain::Failed("a record can't be decrypted with the keys"),
                    out,
                );
                return;
            }
        }
        if self.tls13 {
            // The type stands behind the content, before zeros (RFC 8446 §5.2).
            let end = body.iter().rposition(|&byte| byte != 0).unwrap_or(0);
            kind = body.get(end).copied().unwrap_or(0);
            body.truncate(end);
        }
        match kind {
            APPLICATION_DATA if !body.is_empty() => {
                out.push(Plain::Data(direction, core::mem::take(body), packet));
            }
            // In TLS 1.2 there is only Finished, and a renegotiation, which nobody does.
            HANDSHAKE if self.tls13 => self.handshake(direction, body, log, out),
            _ => {}
        }
    }

    /// Handshake messages, which may be cut and put together in any way.
    fn handshake(&mut self, direction: usize, bytes: &[u8], log: &KeyLog, out: &mut Vec<Plain>) {
        let mut messages = core::mem::take(&mut self.halves[direction].handshake);
        messages.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(head) = messages[at..].first_chunk::<4>() {
            let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
            let kind = head[0];
            let Some(body) = messages[at + 4..].get(..len) else {
                break;
            };
            at += 4 + len;
            self.message(direction, kind, body, log, out);
        }
        messages.drain(..at);
        if messages.len() > MAX_HANDSHAKE {
            self.fail(Plain::Failed("a handshake message is too long"), out);
            messages = Vec::new();
        }
        self.halves[direction].handshake = messages;
    }

    fn message(
        &mut self,
        direction: usize,
        kind: u8,
        body: &[u8],
        log: &KeyLog,
        out: &mut Vec<Plain>,
    ) {
        match (kind, direction) {
            (CLIENT_HELLO, 0) => {
                if let Some(hello) = hello::hello(body) {
                    // The second one, after a retry, has no early data.
                    let early = hello.early || self.hello.early;
                    self.hello = hello;
                    self.hello.early = early;
                }
            }
            (SERVER_HELLO, 1) => {
                let Some(hello) = hello::server_hello(body) else {
                    self.fail(Plain::Failed("the ServerHello is damaged"), out);
                    return;
                };
                if hello.random != RETRY {
                    self.server_hello(&hello, log, out);
                }
            }
            (END_OF_EARLY_DATA, 0) => self.halves[0].early = None,
            (FINISHED, _) if self.tls13 => {
                let secret = self.secrets.and_then(|it| it.application[direction]);
                self.renew(direction, secret, out);
            }
            (KEY_UPDATE, _) if self.tls13 => {
                let secret = self.halves[direction].secret;
                let next = secret
                    .zip(self.suite)
                    .and_then(|(secret, suite)| suite.update(&secret));
                self.renew(direction, next, out);
            }
            _ => {}
        }
    }

    fn server_hello(&mut self, hello: &hello::ServerHello, log: &KeyLog, out: &mut Vec<Plain>) {
        self.server_random = Some(hello.random);
        self.tls13 = hello.tls13;
        let Some(secrets) = log.of(&self.hello.random).copied() else {
            self.fail(Plain::NoKeys, out);
            return;
        };
        let Some(suite) = Suite::new(hello.suite) else {
            self.fail(
                Plain::Failed("the cipher suite is not one that can be read"),
                out,
            );
            return;
        };
        self.secrets = Some(secrets);
        self.suite = Some(suite);
        if self.tls13 {
            self.halves[0].early = secrets.early.and_then(|secret| suite.of_secret(&secret));
            for direction in [0, 1] {
                self.renew(direction, secrets.handshake[direction], out);
            }
            return;
        }
        let random = &self.hello.random;
        let master = secrets.master;
        match master.and_then(|master| suite.of_master(&master, random, &hello.random)) {
            Some([client, server]) => {
                self.halves[0].pending = Some(client);
                self.halves[1].pending = Some(server);
            }
            None => self.fail(Plain::NoKeys, out),
        }
    }

    /// From here on the records of a direction have the keys of this secret.
    fn renew(&mut self, direction: usize, secret: Option<Secret>, out: &mut Vec<Plain>) {
        let keys = secret
            .zip(self.suite)
            .and_then(|(secret, suite)| suite.of_secret(&secret));
        if keys.is_none() {
            self.fail(Plain::NoKeys, out);
        }
        let half = &mut self.halves[direction];
        (half.secret, half.keys) = (secret, keys);
    }
}

//! TLS connections of rustls, decrypted with the keys that it logs: every cipher suite of TLS 1.2 and
//! 1.3, sessions that are resumed, and keys that are renewed in between.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::{
    ClientConfig, ClientConnection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
};
use wscodec_inspect::event::{Conversation, ConversationId, Ending, PacketInfo};
use wscodec_inspect::event::{Direction, InspectEvent, Note};
use wscodec_inspect::{ConversationInspector, ConversationStart, InspectOptions};

const C2S: Direction = Direction::ClientToServer;
const S2C: Direction = Direction::ServerToClient;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// "Hello", masked, and as a server sends it (RFC 6455 §5.7).
const ASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const ANSWERED: &[u8] = b"\x81\x05Hello";

#[derive(Debug, Default)]
struct Log(Mutex<String>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}

/// The bytes on the wire, in order.
type Wire = Vec<(Direction, Vec<u8>)>;

fn configs(
    version: &'static rustls::SupportedProtocolVersion,
    suite: rustls::SupportedCipherSuite,
    log: &Arc<Log>,
) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![suite],
        ..ring::default_provider()
    });
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.key_log = Arc::clone(log) as Arc<dyn KeyLog>;
    let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (Arc::new(client), Arc::new(server))
}

/// All suites that fit a certificate with an elliptic curve, which is the kind that can be made here.
/// The records of the others are the same.
fn suites() -> Vec<(
    &'static rustls::SupportedProtocolVersion,
    rustls::SupportedCipherSuite,
)> {
    let all = ring::ALL_CIPHER_SUITES.iter().copied();
    let all = all.filter(|suite| !format!("{:?}", suite.suite()).contains("ECDHE_RSA"));
    all.map(|suite| (suite.version(), suite)).collect()
}

/// Moves bytes until neither side has any.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, wire: &mut Wire) {
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let quiet = bytes.is_empty();
        if !quiet {
            wire.push((C2S, bytes));
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
        if quiet && bytes.is_empty() {
            return;
        }
        if !bytes.is_empty() {
            wire.push((S2C, bytes));
        }
    }
}

fn drain(reader: &mut impl Read) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let len = reader.read(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

/// A WebSocket connection over TLS with three messages each way, between which the keys are renewed.
fn converse(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, renew: bool) -> (Wire, bool) {
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut wire = Wire::new();
    exchange(&mut client, &mut server, &mut wire);
    client.writer().write_all(REQUEST.as_bytes()).unwrap();
    exchange(&mut client, &mut server, &mut wire);
    assert_eq!(drain(&mut server.reader()), REQUEST.as_bytes());
    server.writer().write_all(RESPONSE.as_bytes()).unwrap();
    exchange(&mut client, &mut server, &mut wire);
    drain(&mut client.reader());
    for i in 0..3 {
        if renew && i > 0 {
            client.refresh_traffic_keys().unwrap();
        }
        client.writer().write_all(ASKED).unwrap();
        exchange(&mut client, &mut server, &mut wire);
        assert_eq!(drain(&mut server.reader()), ASKED);
        server.writer().write_all(ANSWERED).unwrap();
        exchange(&mut client, &mut server, &mut wire);
        assert_eq!(drain(&mut client.reader()), ANSWERED);
    }
    let resumed = client.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    (wire, resumed)
}

/// The messages in both directions, and the codes of notes.
fn inspect(wire: &Wire, keys: &str, piece: usize) -> (Vec<(Direction, Vec<u8>)>, Vec<String>) {
    let mut conversation = ConversationInspector::new(
        Conversation::new(ConversationId::new(0)),
        ConversationStart::Handshake,
        InspectOptions::default(),
    );
    conversation.keys(keys.as_bytes());
    let (mut messages, mut notes) = (Vec::new(), Vec::new());
    let mut sink = |event: InspectEvent<'_>| match event {
        InspectEvent::Message(message) => {
            messages.push((message.location.direction, message.payload.to_vec()));
        }
        InspectEvent::Note(_, note) => {
            notes.push(note.code().to_owned());
            if let Note::Encrypted { server_name, .. } = note {
                assert_eq!(*server_name, Some("localhost"));
            }
        }
        _ => {}
    };
    for (i, (direction, bytes)) in wire.iter().enumerate() {
        let packet = PacketInfo {
            number: i as u64,
            time: None,
        };
        for bytes in bytes.chunks(piece) {
            conversation.push(*direction, bytes, packet, &mut sink);
        }
    }
    conversation.finish(Ending::Open, &mut sink);
    (messages, notes)
}

fn expected() -> Vec<(Direction, Vec<u8>)> {
    let both = [(C2S, b"Hello".to_vec()), (S2C, b"Hello".to_vec())];
    (0..3).flat_map(|_| both.clone()).collect()
}

#[test]
fn every_suite_is_decrypted_in_new_and_in_resumed_sessions() {
    for (version, suite) in suites() {
        let log = Arc::new(Log::default());
        let (client, server) = configs(version, suite, &log);
        let renew = version.version == rustls::ProtocolVersion::TLSv1_3;
        for round in 0..2 {
            let (wire, resumed) = converse(&client, &server, renew);
            assert_eq!(resumed, round == 1, "{suite:?}");
            let keys = log.0.lock().unwrap().clone();
            for piece in [1, 7, 100_000] {
                let (messages, notes) = inspect(&wire, &keys, piece);
                assert_eq!(messages, expected(), "{suite:?} round {round} {piece}");
                assert_eq!(notes, [""; 0], "{suite:?}");
            }
        }
    }
    assert!(suites().len() >= 6, "three of each version");
}

#[test]
fn without_keys_the_name_of_the_server_is_shown() {
    for (version, suite) in suites() {
        let log = Arc::new(Log::default());
        let (client, server) = configs(version, suite, &log);
        let (wire, _) = converse(&client, &server, false);
        assert_eq!(inspect(&wire, "", 100), (vec![], vec!["ENCRYPTED".into()]));
        // Keys of another connection.
        let keys = format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "00".repeat(48));
        assert_eq!(
            inspect(&wire, &keys, 100),
            (vec![], vec!["ENCRYPTED".into()])
        );
    }
}

#[test]
fn wrong_keys_and_damaged_records_are_told() {
    for (version, suite) in suites() {
        let log = Arc::new(Log::default());
        let (client, server) = configs(version, suite, &log);
        let (mut wire, _) = converse(&client, &server, false);
        let keys = log.0.lock().unwrap().clone();
        // The last record.
        if let Some((_, bytes)) = wire.last_mut()
            && let Some(byte) = bytes.last_mut()
        {
            *byte ^= 1;
        }
        let (messages, notes) = inspect(&wire, &keys, 100);
        assert_eq!(messages, expected()[..5], "{suite:?}");
        assert_eq!(notes, ["UNDECRYPTED"]);
    }
}

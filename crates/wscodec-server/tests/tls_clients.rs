//! Clients of a server that speaks TLS: with certificates and tickets, slow ones, and such as speak
//! something else.

#![cfg(feature = "tls")]

mod support;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use support::tls::{Files, TRANSPORT, config, connect, echoes, serve, tls};
use support::{LONG, REQUEST, open, options, raw, run_over};
use wscodec::handshake::UpgradeRequest;
use wscodec::io::{Connector, Error};
use wscodec::message::MessageRef;
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, ServerTls, ServerTlsOptions};

/// Tells each client its certificate.
struct Mirror;

impl Handler for Mirror {
    type State = Option<Vec<u8>>;

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<Self::State, NotAccepted> {
        Ok(options.client_certificate().map(<[u8]>::to_vec))
    }

    fn message(&mut self, peer: &mut Peer<'_, Self::State>, _: MessageRef<'_>) {
        let certificate = peer.state.clone().unwrap_or_default();
        peer.outbox.binary(&certificate).unwrap();
    }
}

fn with_certificate(
    trusted: &CertificateDer<'static>,
    shown: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let key = PrivateKeyDer::try_from(shown.signing_key.serialize_der()).unwrap();
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![shown.cert.der().clone()], key)
        .unwrap()
}

#[test]
fn clients_show_certificates_and_the_handler_sees_them() {
    let (files, trusted) = Files::new("mutual");
    let (authorities, _) = Files::new("authorities");
    let client = rcgen::generate_simple_self_signed(["ada".to_owned()]).unwrap();
    std::fs::write(&authorities.certificate, client.cert.pem()).unwrap();
    let mut files_of_tls = ServerTlsOptions::new(&files.certificate, &files.key);
    files_of_tls.client_authorities = Some(authorities.certificate.clone());
    let server_tls = ServerTls::new(files_of_tls).unwrap();
    let server = run_over(options(), |server| server.use_tls(&server_tls), |_| Mirror);
    let stranger = rcgen::generate_simple_self_signed(["eve".to_owned()]).unwrap();
    for (config, accepted) in [
        (with_certificate(&trusted, &client), true),
        (with_certificate(&trusted, &stranger), false),
        (config(&trusted), false),
    ] {
        let tls = tls(config, server.address);
        let ws = Connector::DEFAULT.connect_over(tls, TRANSPORT, "wss://localhost/");
        assert_eq!(ws.is_ok(), accepted);
        if let Ok(mut ws) = ws {
            ws.outbox().text("who am I").unwrap();
            let (message, _) = ws.read().unwrap().unwrap();
            assert!(message.payload == &client.cert.der()[..]);
        }
    }
    server.stats_when(|it| it.tls_failed == 2);
    // An authority that is not trusted any more: the ticket of the client does not help it.
    let config = Arc::new(with_certificate(&trusted, &client));
    let again = || {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let tls = rustls::StreamOwned::new(client, open(server.address));
        Connector::DEFAULT.connect_over(tls, TRANSPORT, "wss://localhost/")
    };
    let mut ws = again().unwrap();
    ws.outbox().text("who am I").unwrap();
    ws.read().unwrap().unwrap();
    assert!(again().unwrap().stream().conn.handshake_kind() == Some(HandshakeKind::Resumed));
    std::fs::write(&authorities.certificate, stranger.cert.pem()).unwrap();
    server_tls.reload().unwrap();
    assert!(again().is_err());
}

#[test]
fn a_client_that_comes_again_resumes_its_session() {
    let (files, trusted) = Files::new("tickets");
    let server_tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let server = serve(options(), &server_tls);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_no_client_auth();
        let config = Arc::new(config);
        let kinds = [(); 3].map(|()| {
            let name = ServerName::try_from("localhost").unwrap();
            let client = ClientConnection::new(Arc::clone(&config), name).unwrap();
            let tls = rustls::StreamOwned::new(client, open(server.address));
            let mut ws = Connector::DEFAULT
                .connect_over(tls, TRANSPORT, "wss://localhost/")
                .unwrap();
            echoes(&mut ws, b"the ticket comes before this");
            ws.stream().conn.handshake_kind().unwrap()
        });
        assert!(kinds[0] != HandshakeKind::Resumed, "{kinds:?}");
        assert!(
            kinds[1..].iter().all(|it| *it == HandshakeKind::Resumed),
            "{kinds:?}"
        );
    }
}

#[test]
fn requests_that_are_not_encrypted_are_told_so() {
    let (files, trusted) = Files::new("bare");
    let server_tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let server = serve(options(), &server_tls);
    let long = [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n".to_vec(),
        vec![b'x'; 60_000],
    ];
    for request in [REQUEST, &long.concat()] {
        let answer = String::from_utf8(raw(server.address, request)).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with("\r\n\r\nThis port speaks TLS: use wss or https.\n"),
            "{answer}"
        );
    }
    // A letter at a time.
    let mut stream = open(server.address);
    for byte in b"GET / " {
        stream.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    // Noise gets an alert.
    assert_eq!(raw(server.address, b"get lost, whoever you are")[..1], [21]);
    let mut ws = connect(&trusted, server.address).unwrap();
    echoes(&mut ws, b"others go on");
    server.stats_when(|it| it.tls_failed == 1 && it.rejected == 3);
    let metrics = server.handle.metrics();
    assert_eq!(metrics.rejections.get(&(400, "NO_TLS")), Some(&3));
}

/// A transport that passes single bytes.
#[derive(Debug)]
struct Slow(std::net::TcpStream, Duration);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(1);
        self.0.read(&mut into[..end])
    }
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::thread::sleep(self.1);
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_handshake_may_come_byte_by_byte_but_not_for_ever() {
    let (files, trusted) = Files::new("bytes");
    let server_tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let mut options = options();
    options.loops = 1;
    options.handshake_timeout = LONG;
    let server = serve(options.clone(), &server_tls);
    options.handshake_timeout = Duration::from_millis(400);
    let strict = serve(options, &server_tls);
    let begin = |address, pause| {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config(&trusted)), name).unwrap();
        let stream = rustls::StreamOwned::new(client, Slow(open(address), pause));
        let transport = wscodec::io::Transport {
            secure: true,
            ..wscodec::io::Transport::plain()
        };
        Connector::DEFAULT.connect_over(stream, transport, "wss://localhost/")
    };
    let mut ws = begin(server.address, Duration::from_micros(10)).unwrap();
    ws.outbox().text("slow and good").unwrap();
    assert_eq!(ws.read().unwrap().unwrap().0.text(), Some("slow and good"));
    // Each byte is progress, and the time is over all the same.
    let error = begin(strict.address, Duration::from_millis(10)).unwrap_err();
    assert!(matches!(error, Error::Io(_) | Error::Fault(_)), "{error:?}");
    strict.stats_when(|it| it.rejected == 1);
    let metrics = strict.handle.metrics();
    assert_eq!(
        metrics.rejections.get(&(408, "HANDSHAKE_TOO_SLOW")),
        Some(&1)
    );
}

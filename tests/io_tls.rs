//! Blocking clients over TLS, with the feature `tls`.
#![cfg(all(feature = "tls", not(target_family = "wasm")))]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use wscodec::io::{Acceptor, ClientTls, ClientTlsOptions, Connection, Connector, Error, Transport};
use wscodec::{CloseCode, WebSocket};

type Tls = StreamOwned<ServerConnection, TcpStream>;
type Made = CertifiedKey<KeyPair>;

const TRANSPORT: Transport<Tls> = Transport {
    read_timeout: Some(|tls, time| tls.sock.set_read_timeout(time)),
    write_timeout: Some(|tls, time| tls.sock.set_write_timeout(time)),
    shutdown: Some(|tls| {
        tls.conn.send_close_notify();
        tls.flush()?;
        tls.sock.shutdown(Shutdown::Write)
    }),
    secure: true,
};

/// A file that is removed when it is dropped.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wscodec-io-tls-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn certificate(name: &str) -> Made {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

fn config(own: &Made, clients: Option<&Made>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from(own.cert.der().to_vec())];
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Serves one client. Gives the URL, and how the connection ended.
fn serve<T: Send + 'static>(
    config: Arc<ServerConfig>,
    serve: impl FnOnce(Connection<Tls>) -> Result<T, Error> + Send + 'static,
) -> (String, JoinHandle<Result<T, Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let thread = thread::spawn(move || {
        let stream = listener.accept()?.0;
        let tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let tls = StreamOwned::new(tls, stream);
        serve(Acceptor::default().accept_over(tls, TRANSPORT, |_, _| Ok(()))?)
    });
    (url, thread)
}

fn echo(mut ws: Connection<Tls>) -> Result<CloseCode, Error> {
    while let Some((message, mut outbox)) = ws.read()? {
        outbox.forward(message)?;
    }
    Ok(ws.outcome().unwrap().code)
}

fn trusting(own: &Made) -> (ClientTlsOptions, File) {
    let file = File::new(&own.cert.pem());
    let mut options = ClientTlsOptions::default();
    options.authorities = Some(file.0.clone());
    (options, file)
}

fn connector(tls: &ClientTls) -> Connector<'_> {
    let mut connector = Connector::DEFAULT;
    connector.tls = Some(tls);
    // `localhost` may have another address first.
    connector.connect_timeout = Some(Duration::from_secs(20));
    connector
}

#[test]
fn messages_of_every_size_pass_and_the_close_is_clean() {
    let own = certificate("localhost");
    let (options, _file) = trusting(&own);
    let tls = ClientTls::new(&options).unwrap();
    let (url, server) = serve(config(&own, None), echo);
    let mut ws = WebSocket::from(connector(&tls).connect(&url).unwrap());
    assert!(ws.connection().stream().is_secure());
    for len in [0, 1, 125, 16_000, 16_384, 65_536, 1 << 20, 3 << 20] {
        let message = vec![len as u8; len];
        ws.send(message.clone()).unwrap();
        assert!(ws.read().unwrap() == Some(message.into()), "{len}");
    }
    assert!(ws.close(CloseCode::NORMAL, "").unwrap().clean);
    assert_eq!(server.join().unwrap().unwrap(), CloseCode::NORMAL);
}

#[test]
fn one_thread_reads_while_another_one_writes() {
    const MESSAGES: usize = 300;
    let own = certificate("localhost");
    let (options, _file) = trusting(&own);
    let tls = ClientTls::new(&options).unwrap();
    let (url, server) = serve(config(&own, None), echo);
    let (mut reader, mut writer) = connector(&tls).connect(&url).unwrap().split().unwrap();
    let payload = |i: usize| vec![i as u8; i * 97 % 50_000];
    let sending = thread::spawn(move || {
        for i in 0..MESSAGES {
            writer.binary(&payload(i)).unwrap();
        }
        writer
    });
    for i in 0..MESSAGES {
        let message = reader.read().unwrap().unwrap();
        assert!(message.payload == payload(i), "{i}");
    }
    let mut writer = sending.join().unwrap();
    writer.close(CloseCode::NORMAL, "").unwrap();
    assert!(reader.read().unwrap().is_none());
    assert!(reader.outcome().unwrap().clean);
    assert_eq!(server.join().unwrap().unwrap(), CloseCode::NORMAL);
}

#[test]
fn certificates_that_are_not_trusted_and_other_names_are_refused() {
    for (own, authority) in [
        (certificate("localhost"), Some(certificate("localhost"))),
        (certificate("example.com"), None),
    ] {
        let (options, _file) = trusting(authority.as_ref().unwrap_or(&own));
        let tls = ClientTls::new(&options).unwrap();
        let (url, server) = serve(config(&own, None), echo);
        let error = connector(&tls).connect(&url).unwrap_err();
        let Error::Io(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(server.join().unwrap().is_err());
        // A caller that does not ask is not told.
        let mut options = ClientTlsOptions::default();
        options.dangerously_accept_any_certificate = true;
        let tls = ClientTls::new(&options).unwrap();
        let (url, server) = serve(config(&own, None), echo);
        let mut ws = connector(&tls).connect(&url).unwrap();
        assert!(ws.close(CloseCode::NORMAL, "").unwrap().clean);
        server.join().unwrap().unwrap();
    }
}

#[test]
fn a_client_shows_its_certificate() {
    let (own, client) = (certificate("localhost"), certificate("ada"));
    let (mut options, _file) = trusting(&own);
    for shown in [false, true] {
        let file = File::new(&(client.cert.pem() + &client.signing_key.serialize_pem()));
        options.identity = shown.then(|| (file.0.clone(), file.0.clone()));
        let tls = ClientTls::new(&options).unwrap();
        let look = |ws: Connection<Tls>| {
            let chain = ws.stream().conn.peer_certificates().unwrap();
            Ok(chain.iter().map(|it| it.to_vec()).collect::<Vec<_>>())
        };
        let (url, server) = serve(config(&own, Some(&client)), look);
        let ws = connector(&tls).connect(&url);
        assert_eq!(ws.is_ok(), shown);
        let seen = server.join().unwrap();
        let expected = shown.then(|| vec![client.cert.der().to_vec()]);
        assert_eq!(seen.ok(), expected);
    }
}

#[test]
fn files_that_are_no_certificates_are_told_by_name() {
    let file = File::new("no certificate");
    let mut options = ClientTlsOptions::default();
    options.authorities = Some(file.0.clone());
    let error = ClientTls::new(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains(file.0.to_str().unwrap()));
    options.authorities = Some("/does/not/exist.pem".into());
    let error = ClientTls::new(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn the_handshake_of_tls_has_an_end() {
    let own = certificate("localhost");
    let (options, _file) = trusting(&own);
    let tls = ClientTls::new(&options).unwrap();
    let mut connector = connector(&tls);
    connector.options.handshake_timeout = Some(Duration::from_millis(300));
    // A server that says nothing, one that is slow but never idle, and one that speaks no TLS.
    let silent: fn(TcpStream) = |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    };
    let slow: fn(TcpStream) = |mut stream| {
        let long = b"\x16\x03\x03\x3f\xff\x02\0\x3f\xf0"
            .iter()
            .chain([&0; 16_000]);
        for byte in long {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    };
    let plain: fn(TcpStream) = |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    };
    for (serve, in_time) in [(silent, false), (slow, false), (plain, true)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
        let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
        let begun = Instant::now();
        let error = connector.connect(&url).unwrap_err();
        assert_eq!(error.is_timeout(), !in_time, "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(60));
        thread.join().unwrap();
    }
}

/// The system's authorities are read from the file that `SSL_CERT_FILE` names, on systems where
/// OpenSSL's variables count. A process of its own has that variable.
#[cfg(target_os = "linux")]
#[test]
fn without_more_the_systems_authorities_are_trusted() {
    if let Ok(url) = std::env::var("WSCODEC_TEST_URL") {
        let mut ws = wscodec::connect(&url).unwrap();
        ws.send("hello").unwrap();
        assert_eq!(ws.read().unwrap(), Some("hello".into()));
        ws.close(CloseCode::NORMAL, "").unwrap();
        return;
    }
    let own = certificate("localhost");
    let (url, server) = serve(config(&own, None), echo);
    let file = File::new(&own.cert.pem());
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "without_more_the_systems_authorities_are_trusted",
        ])
        .env("WSCODEC_TEST_URL", url)
        .env("SSL_CERT_FILE", &file.0)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.join().unwrap().unwrap(), CloseCode::NORMAL);
}

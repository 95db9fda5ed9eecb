//! The program over TLS: several addresses, processes, proxies, and the secrets for other programs.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;

use harness::{carry, fed, request, serves, signal, text, wscodec};

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wscodec-secure-{}-{name}", std::process::id()))
}

#[test]
fn several_addresses_processes_and_proxies_over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [cert, key, unix, keys] = ["cert", "key", "unix", "keys"].map(temporary);
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let listen = format!("unix:{}", unix.display());
    let mut child = wscodec(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
    ])
    .args([
        "--listen",
        &listen,
        "--pipe",
        "echo $HTTPS $SERVER_NAME; cat",
    ])
    .arg("--cert")
    .arg(&cert)
    .arg("--key")
    .arg(&key)
    .stdin(Stdio::null())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let ports = [line(), line()].map(|line| {
        let address = line.strip_prefix("listening on wss://127.0.0.1:").unwrap();
        address.parse::<u16>().unwrap()
    });
    assert_eq!(line(), format!("listening on wss+unix:{}", unix.display()));
    for port in ports {
        let url = format!("wss://localhost:{port}/");
        let mut command = wscodec(&["connect", "--proxy", "none", "--ca"]);
        command.arg(&cert).arg(&url).env("SSLKEYLOGFILE", &keys);
        let output = fed(&mut command, "line\n");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "on localhost\nline\n");
    }
    // The form that Wireshark reads.
    let secrets = fs::read_to_string(&keys).unwrap();
    assert_eq!(
        secrets.matches("CLIENT_TRAFFIC_SECRET_0 ").count(),
        2,
        "{secrets}"
    );
    // TLS is between the client and the server: the proxy carries bytes.
    let port = ports[0];
    let (address, carrying) = serves(move |mut client| {
        let head = request(&mut client);
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        carry(&client, ("127.0.0.1", port));
        head
    });
    let proxy = format!("http://{address}");
    // The name is that of the certificate, and the proxy's to look up.
    let mut command = wscodec(&["connect", "--proxy", &proxy, "--ca"]);
    let output = fed(command.arg(&cert).arg("wss://localhost:444/"), "line\n");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "on localhost\nline\n");
    assert!(
        carrying
            .join()
            .unwrap()
            .starts_with("CONNECT localhost:444 HTTP/1.1\r\n")
    );
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
    assert!(!unix.exists());
    for file in [cert, key, keys] {
        fs::remove_file(file).unwrap();
    }
}

//! `wscodec connect` through proxies of HTTP and SOCKS5.

#![cfg(unix)]

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;

use harness::{Served, carry, fed, request, serves, text, wscodec};

fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// The client, without the proxies of the environment of the tests.
fn connect(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = wscodec(&["connect"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name);
        command.env_remove(name.to_ascii_uppercase());
    }
    command.args(arguments).envs(environment.iter().copied());
    fed(&mut command, "hello\n")
}

fn echoed(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(output.stdout, b"hello\n");
}

#[test]
fn a_proxy_of_http_makes_a_tunnel() {
    for (user, authorization) in [
        ("", None),
        (
            "Aladdin:open%20sesame@",
            Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ),
    ] {
        let served = Served::new(&[]);
        let url = served.url.clone();
        let (address, thread) = serves(move |mut stream| {
            let head = request(&mut stream);
            // An interim answer, and the beginning of the tunnel in the same segment.
            let answer = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            carry(&stream, url.strip_prefix("ws://").unwrap());
            head
        });
        let proxy = format!("http://{user}{address}");
        echoed(&connect(
            &["--proxy", &proxy, "ws://server.example:81/"],
            &[],
        ));
        let head = thread.join().unwrap();
        assert!(
            head.starts_with("CONNECT server.example:81 HTTP/1.1\r\nHost: server.example:81\r\n")
        );
        let expected = authorization.map(|it| format!("Proxy-Authorization: Basic {it}\r\n"));
        let found = head.lines().find(|line| line.starts_with("Proxy-Auth"));
        assert_eq!(found.map(|it| format!("{it}\r\n")), expected);
    }
}

#[test]
fn a_socks5_proxy_makes_a_tunnel() {
    for (scheme, user, host, request) in [
        (
            "socks5h",
            "",
            "server.example",
            &b"\x05\x01\0\x03\x0eserver.example\0\x51"[..],
        ),
        (
            "socks5h",
            "u:p@",
            "192.0.2.1",
            b"\x05\x01\0\x01\xc0\0\x02\x01\0\x51",
        ),
        (
            "socks5",
            "",
            "[2001:db8::1]",
            b"\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x51",
        ),
        // The client looks up this name.
        (
            "socks5",
            "",
            "localhost",
            b"\x05\x01\0\x01\x7f\0\0\x01\0\x51",
        ),
    ] {
        let served = Served::new(&[]);
        let url = served.url.clone();
        let len = request.len();
        let (address, thread) = serves(move |mut stream| {
            match user {
                "" => {
                    assert_eq!(read(&mut stream), [5, 1, 0]);
                    stream.write_all(&[5, 0]).unwrap();
                }
                _ => {
                    assert_eq!(read(&mut stream), [5, 2, 0, 2]);
                    stream.write_all(&[5, 2]).unwrap();
                    assert_eq!(&read(&mut stream), b"\x01\x01u\x01p");
                    stream.write_all(&[1, 0]).unwrap();
                }
            }
            let mut request = vec![0; len];
            stream.read_exact(&mut request).unwrap();
            // It tells a name, whose length the client has to follow.
            stream.write_all(b"\x05\0\0\x03\x02ab\0\0").unwrap();
            carry(&stream, url.strip_prefix("ws://").unwrap());
            request
        });
        let proxy = format!("{scheme}://{user}{address}");
        let url = format!("ws://{host}:81/");
        let output = connect(&["--proxy", &proxy, &url], &[]);
        // localhost may be an address of IPv6 here.
        if host == "localhost" && !output.status.success() {
            continue;
        }
        echoed(&output);
        assert_eq!(thread.join().unwrap(), request, "{scheme} {host}");
    }
}

#[test]
fn the_environment_names_proxies_and_their_exceptions() {
    let (address, thread) = serves(|mut stream| {
        let head = request(&mut stream);
        stream
            .write_all("HTTP/1.1 403 No\u{202e}\r\n\r\n".as_bytes())
            .unwrap();
        head
    });
    let variables = [("HTTP_PROXY", &address[..]), ("NO_PROXY", "other.example")];
    let output = connect(&["ws://server.example/"], &variables);
    assert!(
        thread
            .join()
            .unwrap()
            .starts_with("CONNECT server.example:80 ")
    );
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    let expected = format!("no way through the proxy {address}: the proxy answered 403 No\\u202e");
    assert!(errors.contains(&expected), "{errors}");
    // This machine is reached directly, and so is what is listed; and an option overrules all.
    let served = Served::new(&[]);
    let nobody = "127.0.0.1:1";
    echoed(&connect(&[&served.url], &[("HTTP_PROXY", nobody)]));
    echoed(&connect(
        &["--proxy", "none", &served.url],
        &[("ALL_PROXY", nobody)],
    ));
    let output = connect(&["ws://server.example/"], &[("all_proxy", nobody)]);
    assert!(text(&output.stderr).contains("no way through the proxy 127.0.0.1:1"));
    let output = connect(
        &["ws://server.example/"],
        &[("HTTP_PROXY", "ftp://user:secret@a")],
    );
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors.contains("HTTP_PROXY") && !errors.contains("secret"),
        "{errors}"
    );
}

#[test]
fn a_proxy_that_refuses_or_breaks_a_rule_is_told_in_one_line() {
    let long = "x".repeat(100_000);
    for (scheme, answers, why) in [
        (
            "http",
            ["HTTP/1.1 407 Who\r\n\r\n", ""],
            "asks for a user and a password",
        ),
        ("http", ["SSH-2.0\r\n\r\n", ""], "does not speak HTTP/1.1"),
        ("http", ["", ""], "no way through the proxy"),
        ("http", [&long, ""], "too long"),
        (
            "socks5h",
            ["HTTP/1.1 400 Bad\r\n\r\n", ""],
            "does not speak SOCKS5",
        ),
        (
            "socks5h",
            ["\x05\x07", ""],
            "asks for a user and a password",
        ),
        (
            "socks5h",
            ["\x05\0", "\x05\x05\0\x01\0\0\0\0\0\0"],
            "was refused by the server",
        ),
        ("socks5h", ["\x05\0", "\x05\0\0\x09"], "not one of SOCKS5"),
    ] {
        let answers = answers.map(str::to_owned);
        let (address, thread) = serves(move |mut stream| {
            for answer in answers {
                let _ = stream.read(&mut [0; 4096]);
                if answer.is_empty() {
                    return;
                }
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let proxy = format!("{scheme}://{address}");
        let output = connect(&["--proxy", &proxy, "ws://server.example/"], &[]);
        thread.join().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains(why) && errors.lines().count() == 1,
            "{why}: {errors}"
        );
    }
    // One that is silent gets the time that connecting may take.
    let (address, thread) = serves(|mut stream| while let Ok(1..) = stream.read(&mut [0; 4096]) {});
    let proxy = format!("http://{address}");
    let arguments = [
        "--proxy",
        &proxy,
        "--timeout",
        "0.2",
        "ws://server.example/",
    ];
    assert_eq!(connect(&arguments, &[]).status.code(), Some(1));
    thread.join().unwrap();
    for wrong in [
        "https://a",
        "socks4://a",
        "http://",
        "http://a:b:c",
        "http://a/b",
    ] {
        let output = connect(&["--proxy", wrong, "ws://a/"], &[]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

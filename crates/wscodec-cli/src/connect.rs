//! `wscodec connect`.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use wscodec::deflate;
use wscodec::frame::Close;
use wscodec::handshake::Response;
use wscodec::io::{Error, Url};
use wscodec::message::Kind;
use wscodec::session::{Config, Connect, Event};
use wscodec::{CloseCode, HandshakeError};
use wscodec_server::client::{self, Call, Ended, Line, Talk};

use crate::args::Arguments;
use crate::{Failure, help};

/// What is asked for, as it was written.
struct Settings {
    url: Option<String>,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
    deflate: Option<deflate::Config>,
    session: Config,
    timeout: Duration,
    pings: Option<Duration>,
    binary: bool,
    verbose: bool,
}

pub(crate) fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let mut settings = Settings {
        url: None,
        headers: Vec::new(),
        protocols: Vec::new(),
        deflate: Some(deflate::Config::default()),
        session: Config::default(),
        timeout: Duration::from_secs(10),
        pings: None,
        binary: false,
        verbose: false,
    };
    while let Some(word) = arguments.word()? {
        let Some(option) = word.strip_prefix("--") else {
            if settings.url.replace(word).is_some() {
                return Err(Failure::Usage("one URL is enough".into()));
            }
            continue;
        };
        match option {
            "help" => {
                print!("{}", help::CONNECT);
                return Ok(());
            }
            _ => set(option, arguments, &mut settings)?,
        }
    }
    settings.session.heartbeat = settings.pings;
    connect(&settings)
}

fn set(option: &str, arguments: &mut Arguments, settings: &mut Settings) -> Result<(), Failure> {
    match option {
        "header" => {
            let text = arguments.text()?;
            let Some((name, value)) = text.split_once(':') else {
                return Err(Failure::Usage(format!("--header: {text:?} has no colon")));
            };
            let pair = (name.trim().to_owned(), value.trim().to_owned());
            settings.headers.push(pair);
        }
        "protocol" => settings.protocols.push(arguments.text()?),
        "binary" => settings.binary = true,
        "verbose" => settings.verbose = true,
        "ping" => settings.pings = Some(arguments.seconds()?),
        "timeout" => settings.timeout = arguments.seconds()?,
        "max-message" => settings.session.limits.message = arguments.bytes()?,
        "max-frame" => settings.session.limits.frame = Some(arguments.bytes()?),
        "no-deflate" => settings.deflate = None,
        "window" => {
            let window = arguments.window()?;
            if let Some(deflate) = &mut settings.deflate {
                (deflate.send.window, deflate.receive.window) = (window, window);
            }
        }
        "no-takeover" => {
            if let Some(deflate) = &mut settings.deflate {
                (deflate.send.takeover, deflate.receive.takeover) = (false, false);
            }
        }
        "level" => {
            let level = arguments.value("a level from 1 to 9")?;
            if let Some(deflate) = &mut settings.deflate {
                deflate.level = level;
            }
        }
        _ => return Err(arguments.unknown()),
    }
    Ok(())
}

fn connect(settings: &Settings) -> Result<(), Failure> {
    let Some(text) = &settings.url else {
        return Err(Failure::Usage("the URL is missing".into()));
    };
    let Ok(url) = Url::parse(text) else {
        let why = format!("{text:?} is not a URL such as ws://localhost:9001/path");
        return Err(Failure::Usage(why));
    };
    if url.is_secure() {
        let why = "this command speaks no TLS: for wss:// put a TLS proxy in between";
        return Err(Failure::Usage(why.into()));
    }
    let addresses: Vec<SocketAddr> = match (url.host(), url.port()).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(e) => return Err(Failure::Run(no_address(url.host(), &e))),
    };
    let nonce = client::nonce().map_err(|e| Failure::Run(e.to_string()))?;
    let path = url.path();
    let protocols: Vec<&str> = settings.protocols.iter().map(|it| &it[..]).collect();
    let headers: Vec<_> = settings
        .headers
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    let call = Call {
        addresses: &addresses,
        connect: Connect::new(url.authority(), &path, nonce)
            .protocols(&protocols)
            .headers(&headers)
            .deflate(settings.deflate),
        session: settings.session,
        timeout: settings.timeout,
        input: true,
    };
    let mut lines = Lines {
        binary: settings.binary,
        verbose: settings.verbose,
        begun: Vec::new(),
        broken: None,
    };
    let ended = client::call(call, &mut lines).map_err(|e| Failure::Run(failed(&url, &e)))?;
    if let Some(error) = lines.broken {
        return Err(Failure::Run(error));
    }
    report(&ended, settings.verbose)
}

fn report(ended: &Ended, verbose: bool) -> Result<(), Failure> {
    let code = ended.code.value();
    if let Some(fault) = ended.fault {
        return Err(Failure::Run(format!("the connection failed: {fault}")));
    }
    if verbose || !matches!(code, 1000 | 1001 | 1005) {
        eprintln!("wscodec: closed with {code} {:?}", ended.reason);
    }
    match code {
        1000 | 1001 | 1005 => Ok(()),
        _ => Err(Failure::Run(format!("the server closed with {code}"))),
    }
}

fn no_address(host: &str, error: &io::Error) -> String {
    let hint = match cfg!(target_os = "wasi") {
        true => "; looking up names needs -S allow-ip-name-lookup",
        false => "",
    };
    format!("{host} has no address: {error}{hint}")
}

fn failed(url: &Url<'_>, error: &Error) -> String {
    let at = url.authority();
    match error {
        Error::Io(e) => match e.kind() {
            io::ErrorKind::ConnectionRefused => format!("nobody listens at {at}"),
            io::ErrorKind::TimedOut => format!("{at} does not answer in time"),
            io::ErrorKind::PermissionDenied if cfg!(target_os = "wasi") => {
                format!("connecting to {at} is not allowed: run it with -S inherit-network")
            }
            _ => format!("can't connect to {at}: {e}"),
        },
        Error::Refused(refused) => {
            let response = refused.response();
            let reason = response.map_or(String::new(), |response| {
                String::from_utf8_lossy(response.reason()).into_owned()
            });
            let location = response.and_then(|response| {
                let location = response.header("Location")?;
                Some(format!(", to {}", String::from_utf8_lossy(location)))
            });
            let location = location.unwrap_or_default();
            format!("{at} answered {} {reason}{location}", refused.status())
        }
        Error::Fault(fault)
            if matches!(
                fault.error,
                wscodec::Error::Handshake(HandshakeError::MalformedHead)
            ) =>
        {
            format!("{at} does not speak HTTP/1.1")
        }
        other => format!("{at}: {other}"),
    }
}

/// Lines of standard input go out, messages come to standard output.
struct Lines {
    binary: bool,
    verbose: bool,
    /// A line that is not at its end.
    begun: Vec<u8>,
    broken: Option<String>,
}

impl Lines {
    fn send(&mut self, text: &[u8], line: &mut Line<'_>) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let sent = match (self.binary, std::str::from_utf8(text)) {
            (true, _) => line.binary(text),
            (false, Ok(text)) => line.text(text),
            (false, Err(_)) => {
                eprintln!("wscodec: a line that is not UTF-8 was not sent; see --binary");
                return;
            }
        };
        // It fails only if the connection is closing, which is told at its end.
        let _ = sent;
    }

    fn print(&mut self, kind: Kind, payload: &[u8], line: &mut Line<'_>) {
        let mut out = io::stdout().lock();
        let written = match kind {
            Kind::Text => out.write_all(payload).and_then(|()| out.write_all(b"\n")),
            Kind::Binary => out.write_all(payload),
        };
        if let Err(e) = written.and_then(|()| out.flush()) {
            self.broken = Some(format!("can't write to standard output: {e}"));
            close(line);
        }
    }
}

fn close(line: &mut Line<'_>) {
    let normal = Close {
        code: CloseCode::NORMAL,
        reason: "",
    };
    // It fails only if the connection is closing already.
    let _ = line.close(Some(normal));
}

impl Talk for Lines {
    fn open(&mut self, response: &Response<'_>, _: &mut Line<'_>) {
        if self.verbose {
            eprintln!(
                "wscodec: open, protocol {}",
                response.protocol().unwrap_or("-")
            );
        }
    }

    fn event(&mut self, event: Event<'_>, line: &mut Line<'_>) {
        match event {
            Event::Message(message) => self.print(message.kind, message.payload, line),
            Event::Ping(payload) if self.verbose => {
                eprintln!("wscodec: ping, {} bytes", payload.len())
            }
            Event::Pong(payload) if self.verbose => {
                eprintln!("wscodec: pong, {} bytes", payload.len())
            }
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }

    fn input(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        if bytes.is_empty() {
            if !self.begun.is_empty() {
                let last = std::mem::take(&mut self.begun);
                self.send(&last, line);
            }
            close(line);
            return;
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (whole, behind) = rest.split_at(end);
            rest = &behind[1..];
            if self.begun.is_empty() {
                self.send(whole, line);
            } else {
                let mut begun = std::mem::take(&mut self.begun);
                begun.extend_from_slice(whole);
                self.send(&begun, line);
            }
        }
        self.begun.extend_from_slice(rest);
    }
}

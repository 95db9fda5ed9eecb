//! `wscodec connect`.

use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use wscodec::PeerError;
use wscodec::head::{is_token, is_value};
use wscodec::io::{Error, Url};
use wscodec::session::{Connect, SessionOptions};
use wscodec_server::client::{self, Call, Ended, Stop};

use crate::args::{Arguments, Compression, HOST, is_host};
use crate::failed::failed;
use crate::out::{print, say};
use crate::talk::{AtEnd, Conversation, Cut};
use crate::target::Target;
use crate::{Failure, help, stop, tls};
use wscodec_inspect::safe::safe;

/// What is asked for, as it was written.
struct Settings {
    url: Option<String>,
    /// In place of the URL's host and port.
    host: Option<String>,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
    compression: Compression,
    session: SessionOptions,
    timeout: Duration,
    cut: Cut,
    at_end: AtEnd,
    /// Connect again, after a pause.
    reconnect: Option<Duration>,
    escape: Option<bool>,
    verbose: bool,
    tls: tls::ClientFiles,
}

pub(crate) fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let mut settings = Settings {
        url: None,
        host: None,
        headers: Vec::new(),
        protocols: Vec::new(),
        compression: Compression::default(),
        session: SessionOptions::default(),
        timeout: Duration::from_secs(10),
        cut: Cut::TextLines,
        at_end: AtEnd::Close,
        reconnect: None,
        escape: None,
        verbose: false,
        tls: tls::ClientFiles::default(),
    };
    while let Some(word) = arguments.word()? {
        let Some(option) = word.strip_prefix("--") else {
            if settings.url.replace(word).is_some() {
                return Err(Failure::Usage("one URL is enough".into()));
            }
            continue;
        };
        match option {
            "help" => return print(help::CONNECT),
            _ => set(option, arguments, &mut settings)?,
        }
    }
    connect(&settings)
}

fn set(option: &str, arguments: &mut Arguments, settings: &mut Settings) -> Result<(), Failure> {
    match option {
        "header" => header(arguments, settings)?,
        "ca" => settings.tls.authorities = Some(arguments.text()?.into()),
        "cert" => settings.tls.certificate = Some(arguments.text()?.into()),
        "key" => settings.tls.key = Some(arguments.text()?.into()),
        "insecure" => settings.tls.insecure = true,
        "protocol" => settings
            .protocols
            .push(arguments.protocol(&settings.protocols)?),
        "binary" => settings.cut = Cut::Whole,
        "binary-lines" => settings.cut = Cut::BinaryLines,
        "json-lines" => settings.cut = Cut::Json,
        "wait" => settings.at_end = AtEnd::Wait(arguments.seconds_or_none()?),
        "no-close" => settings.at_end = AtEnd::Stay,
        "reconnect" => settings.reconnect = Some(arguments.seconds()?),
        "escape" => {
            settings.escape = match &arguments.text()?[..] {
                "auto" => None,
                "always" => Some(true),
                "never" => Some(false),
                other => return Err(arguments.wrong(other, "auto, always or never")),
            }
        }
        "verbose" => settings.verbose = true,
        "ping" => settings.session.heartbeat = Some(arguments.seconds()?),
        "timeout" => settings.timeout = arguments.seconds()?,
        "close-timeout" => settings.session.close_timeout = arguments.seconds()?,
        "max-message" => settings.session.limits.message = arguments.bytes()?,
        "max-frame" => settings.session.limits.frame = Some(arguments.bytes()?),
        _ => {
            let deflate = &mut settings.compression;
            if !deflate.set(option, arguments)? {
                return Err(arguments.unknown());
            }
        }
    }
    Ok(())
}

/// A header of the request. `Host` replaces ours; the others that the handshake writes itself are
/// refused.
fn header(arguments: &mut Arguments, settings: &mut Settings) -> Result<(), Failure> {
    let text = arguments.text()?;
    let Some((name, value)) = text.split_once(':') else {
        return Err(Failure::Usage(format!("--header: {text:?} has no colon")));
    };
    let (name, value) = (name.trim(), value.trim());
    if !is_token(name.as_bytes()) {
        return Err(arguments.wrong(name, "the name of a header"));
    }
    if !is_value(value.as_bytes()) {
        return Err(arguments.wrong(value, "the value of a header"));
    }
    if name.eq_ignore_ascii_case("Host") {
        if !is_host(value) {
            return Err(arguments.wrong(value, HOST));
        }
        if settings.host.replace(value.to_owned()).is_some() {
            return Err(Failure::Usage("--header: one Host is enough".into()));
        }
        return Ok(());
    }
    settings.headers.push((name.to_owned(), value.to_owned()));
    Ok(())
}

fn connect(settings: &Settings) -> Result<(), Failure> {
    let Some(text) = &settings.url else {
        return Err(Failure::Usage("the URL is missing".into()));
    };
    let Target { url, authorization } = Target::parse(text)?;
    let Ok(url) = Url::parse(&url) else {
        return Err(Failure::Usage(format!("{url:?} is not a URL")));
    };
    let mut headers: Vec<_> = settings
        .headers
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    if let Some(value) = &authorization {
        let is_another = |(name, _): &(&str, _)| name.eq_ignore_ascii_case("Authorization");
        if headers.iter().any(is_another) {
            let why = "--header gives an Authorization, and the URL a user: one of them is enough";
            return Err(Failure::Usage(why.into()));
        }
        headers.push(("Authorization", value));
    }
    if settings.reconnect.is_some() && settings.cut == Cut::Whole {
        let why = "--binary sends one message, which can't go on in another connection: leave out \
                   --reconnect";
        return Err(Failure::Usage(why.into()));
    }
    let path = url.path();
    let protocols: Vec<&str> = settings.protocols.iter().map(|it| &it[..]).collect();
    let host = settings.host.as_deref().unwrap_or(url.authority());
    let deflate = settings.compression.config()?;
    let request = |nonce| {
        Connect::new(host, path, nonce)
            .protocols(&protocols)
            .headers(&headers)
            .deflate(deflate)
    };
    // A request that can't be written is a mistake on the command line.
    if let Err(error) = request([0; 16]).write(&mut Vec::new()) {
        return Err(Failure::Usage(unwritable_request(&headers, error)));
    }
    let tls = match url.is_secure() {
        true => Some(settings.tls.read()?),
        false => None,
    };
    let stopper = Stop::default();
    let stop = stopper.clone();
    stop::at_signals(move || stopper.stop()).map_err(|e| Failure::Run(e.to_string()))?;
    let escape = settings
        .escape
        .unwrap_or_else(|| io::stdout().is_terminal());
    let mut talk = Conversation::new(settings.cut, settings.at_end, escape, settings.verbose);
    loop {
        let tried = attempt(settings, &url, tls.as_ref(), &request, &stop, &mut talk);
        if let Some(error) = talk.failed {
            return Err(Failure::Run(error));
        }
        let may_pass = match &tried {
            Err((_, may_pass)) => *may_pass,
            Ok(ended) => ended_for_now(ended),
        };
        let result = tried
            .map_err(|(why, _)| Failure::Run(why))
            .and_then(|ended| {
                let unsent = (talk.unsent || ended.unsent) && !talk.cut_short;
                talk.unsent = unsent;
                report(&ended, unsent, settings.verbose)
            });
        match settings.reconnect {
            Some(pause) if may_pass && !talk.closed && !talk.cut_short => {
                if let Err(Failure::Run(why)) = result {
                    say(&format!(
                        "{why}; the next try is in {} s",
                        pause.as_secs_f64()
                    ));
                }
                std::thread::sleep(pause);
            }
            _ => return result,
        }
    }
}

/// Connects once, and talks to the end. An error is why it can't, and whether that may pass.
fn attempt<'a>(
    settings: &Settings,
    url: &Url,
    tls: Option<&tls::ClientTls>,
    request: &impl Fn([u8; 16]) -> Connect<'a>,
    stop: &Stop,
    talk: &mut Conversation,
) -> Result<Ended, (String, bool)> {
    let addresses = (url.host(), url.port()).to_socket_addrs();
    let addresses: Vec<SocketAddr> = match addresses {
        Ok(addresses) => addresses.collect(),
        Err(e) => return Err((no_address(url.host(), &e), true)),
    };
    let nonce = client::nonce().map_err(|e| (e.to_string(), false))?;
    let call = Call {
        addresses: &addresses,
        connect: request(nonce),
        session: settings.session,
        timeout: settings.timeout,
        input: true,
        stop: Some(stop.clone()),
    };
    tls::call(call, tls, url.host(), talk).map_err(|error| {
        let may_pass = match &error {
            // Of TLS.
            Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => false,
            Error::Io(_) => true,
            Error::Fault(fault) => fault.error == PeerError::UnexpectedEof.into(),
            Error::Rejected(rejected) => matches!(rejected.status(), 429 | 500 | 502..=504),
            _ => false,
        };
        (failed(url, &error), may_pass)
    })
}

/// Whether another connection may do better (RFC 6455 §7.4.1, and the registry of close codes).
fn ended_for_now(ended: &Ended) -> bool {
    let lost = [
        PeerError::UnexpectedEof,
        PeerError::NoPong,
        PeerError::NoClose,
    ];
    ended.lost.is_some()
        || ended
            .fault
            .is_some_and(|it| lost.iter().any(|&lost| it.error == lost.into()))
        || matches!(ended.code.value(), 1001 | 1011..=1014)
}

fn unwritable_request(headers: &[(&str, &str)], error: wscodec::MisuseError) -> String {
    for (name, value) in headers {
        let alone = Connect::new("a", "/", [0; 16]);
        if alone
            .headers(&[(name, value)])
            .write(&mut Vec::new())
            .is_err()
        {
            return format!("--header: {name} is written by the handshake itself");
        }
    }
    error.to_string()
}

fn report(ended: &Ended, unsent: bool, verbose: bool) -> Result<(), Failure> {
    let code = ended.code.value();
    if let Some(error) = &ended.lost {
        return Err(Failure::Run(format!("the connection was lost: {error}")));
    }
    if let Some(fault) = ended.fault {
        return Err(Failure::Run(format!("the connection failed: {fault}")));
    }
    let fine = matches!(code, 1000 | 1001 | 1005);
    if verbose || !fine {
        say(&format!(
            "closed with {code} \"{}\"",
            safe(ended.reason.as_bytes())
        ));
    }
    match fine {
        true if unsent => Err(Failure::Run(format!(
            "the server closed with {code} before all of the input was sent"
        ))),
        true => Ok(()),
        false => Err(Failure::Run(format!("the server closed with {code}"))),
    }
}

fn no_address(host: &str, error: &io::Error) -> String {
    let hint = match cfg!(target_os = "wasi") {
        true => "; looking up names needs -S allow-ip-name-lookup",
        false => "",
    };
    format!("{host} has no address: {error}{hint}")
}

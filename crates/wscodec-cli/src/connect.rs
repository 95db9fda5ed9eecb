//! `wscodec connect`.

use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};

use wscodec::PeerError;
use wscodec::handshake::Nonce;
use wscodec::io::{Error, Url};
use wscodec::session::Connect;
use wscodec_server::client::{self, Call, Ended, Input, Stop};

use crate::args::{ConnectArgs, unusable};
use crate::failed::failed;
use crate::out::say;
use crate::talk::Conversation;
use crate::target::Target;
use crate::{Failure, stop, tls};
use wscodec_inspect::safe::safe;

pub(crate) fn run(arguments: &ConnectArgs) -> Result<(), Failure> {
    arguments.check()?;
    let usage = |why: String| unusable("connect", why);
    let text = &arguments.url;
    let Target { url, authorization } = Target::parse(text).map_err(usage)?;
    let Ok(url) = Url::parse(&url) else {
        return Err(usage(format!("{url:?} is not a URL")));
    };
    let mut headers = arguments.headers();
    if let Some(value) = &authorization {
        let is_another = |(name, _): &(&str, _)| name.eq_ignore_ascii_case("Authorization");
        if headers.iter().any(is_another) {
            let why = "--header gives an Authorization, and the URL a user: one of them is enough";
            return Err(usage(why.into()));
        }
        headers.push(("Authorization", value));
    }
    let path = url.path();
    let protocols: Vec<&str> = arguments.protocol.iter().map(|it| &it[..]).collect();
    let host = arguments.host().unwrap_or(url.authority());
    let deflate = arguments.compression.options();
    let request = |nonce: Nonce| {
        Connect::new(host, path, nonce)
            .protocols(&protocols)
            .headers(&headers)
            .deflate(deflate)
    };
    // A request that can't be written is a mistake on the command line.
    if let Err(error) = request(Nonce([0; 16])).write(&mut Vec::new()) {
        return Err(usage(unwritable_request(&headers, error)));
    }
    let tls = match url.is_secure() {
        true => Some(tls::client(arguments)?),
        false => None,
    };
    let stopper = Stop::default();
    let stop = stopper.clone();
    stop::at_signals(move || stopper.stop()).map_err(|e| Failure::Run(e.to_string()))?;
    let verbose = arguments.output.verbose;
    let escape = arguments.escape();
    let escape = escape.unwrap_or_else(|| io::stdout().is_terminal());
    let mut talk = Conversation::new(arguments.cut(), arguments.at_end(), escape, verbose);
    loop {
        let tried = attempt(arguments, &url, tls.as_ref(), &request, &stop, &mut talk);
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
                report(&ended, unsent, verbose)
            });
        match arguments.reconnect() {
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
    arguments: &ConnectArgs,
    url: &Url,
    tls: Option<&wscodec::io::ClientTls>,
    request: &impl Fn(Nonce) -> Connect<'a>,
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
        session: arguments.session(),
        timeout: arguments.timeout(),
        #[cfg(not(target_os = "wasi"))]
        stream: None,
        input: Some(Input::standard()),
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

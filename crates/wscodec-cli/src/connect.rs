//! `wscodec connect`.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use wscodec::PeerError;
use wscodec::handshake::Nonce;
use wscodec::io::{Error, Url};
use wscodec::session::Connect;
use wscodec_server::client::{self, Call, Ended, Input, Stop};

use crate::args::{ConnectArgs, Cut, unusable};
use crate::failed::failed;
use crate::out::say;
use crate::proxy::Proxy;
use crate::talk::Conversation;
use crate::target::Target;
use crate::{Failure, proxy, stop, terminal, tls};
use wscodec_inspect::safe::safe;

/// The longest pause between two tries, unless the user wants a longer one.
const LONGEST: Duration = Duration::from_secs(60);

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
    let path = url.path_and_query();
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
        true => Some(tls::client(
            "connect",
            &arguments.tls,
            arguments.identity(),
        )?),
        false => None,
    };
    let proxy = proxy::choose(arguments.proxy.as_ref(), &url).map_err(usage)?;
    let stopper = Stop::default();
    let stop = stopper.clone();
    stop::at_signals(move || stopper.stop()).map_err(|e| Failure::Run(e.to_string()))?;
    let edits = !matches!(arguments.cut(), Cut::Whole(_)) && terminal::is_there();
    let input = match edits {
        true => terminal::input(stop.clone(), arguments.input.history_file.as_deref())?,
        false => Input::standard(),
    };
    let escape = arguments.escape();
    let escape = escape.unwrap_or_else(|| io::stdout().is_terminal());
    let mut way = Way {
        arguments,
        url: &url,
        tls: tls.as_ref(),
        proxy: proxy.as_ref(),
        stop,
        input,
        talk: Conversation::new(arguments, escape, edits),
    };
    let result = way.go(&request);
    terminal::end();
    result
}

/// The way to the server, as often as need be.
struct Way<'a> {
    arguments: &'a ConnectArgs,
    url: &'a Url,
    tls: Option<&'a wscodec::io::ClientTls>,
    proxy: Option<&'a Proxy>,
    stop: Stop,
    input: Input,
    talk: Conversation,
}

impl Way<'_> {
    /// Connects. Connects again as the options say, until a connection has ended for good.
    fn go<'c>(&mut self, request: &impl Fn(Nonce) -> Connect<'c>) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            self.talk.opened = false;
            let tried = self.attempt(request);
            let talk = &mut self.talk;
            if let Some(error) = talk.failed.take() {
                return Err(Failure::Run(error));
            }
            let may_pass = match &tried {
                Err((_, may_pass)) => *may_pass,
                Ok(ended) => ended_for_now(ended),
            };
            let result = tried
                .map_err(|(why, _)| Failure::Run(why))
                .and_then(|ended| {
                    if talk.satisfied {
                        return Ok(());
                    }
                    let unsent = (talk.unsent || ended.unsent) && !talk.cut_short;
                    talk.unsent = unsent;
                    report(&ended, unsent, talk.verbose || talk.edits)
                });
            let result = match (result, talk.lacks()) {
                (Ok(()), Some(why)) => Err(Failure::Run(why)),
                (result, _) => result,
            };
            failures = if talk.opened { 1 } else { failures + 1 };
            match self.arguments.reconnect() {
                Some(first) if may_pass && !talk.closed && !talk.cut_short => {
                    if failures >= self.arguments.tries() {
                        return result;
                    }
                    let pause = pause(first, failures);
                    if let Err(Failure::Run(why)) = result {
                        let seconds = pause.as_secs_f64();
                        say(&format!("{why}; the next try is in {seconds:.2} s"));
                    }
                    std::thread::sleep(pause);
                }
                _ => return result,
            }
        }
    }

    /// Connects once, and talks to the end. An error is why it can't, and whether that may pass.
    fn attempt<'c>(
        &mut self,
        request: &impl Fn(Nonce) -> Connect<'c>,
    ) -> Result<Ended, (String, bool)> {
        let (url, timeout) = (self.url, self.arguments.timeout());
        let nonce = client::nonce().map_err(|e| (e.to_string(), false))?;
        let mut call = Call {
            addresses: &[],
            connect: request(nonce),
            session: self.arguments.session(),
            timeout,
            #[cfg(not(target_os = "wasi"))]
            stream: None,
            input: Some(self.input.clone()),
            stop: Some(self.stop.clone()),
        };
        let addresses: Vec<SocketAddr>;
        match self.proxy {
            #[cfg(not(target_os = "wasi"))]
            Some(proxy) => {
                let tunnel = proxy.dial(url, timeout);
                let stream = tunnel.and_then(wscodec_server::Stream::from_tcp);
                let failed = |e| {
                    (
                        format!("no way through the proxy {}: {e}", proxy.shown()),
                        true,
                    )
                };
                call.stream = Some(stream.map_err(failed)?);
            }
            _ => {
                let found = (url.host(), url.port()).to_socket_addrs();
                let found = found.map_err(|e| (no_address(url.host(), &e), true))?;
                addresses = found.collect();
                call.addresses = &addresses;
            }
        }
        tls::call(call, self.tls, url.host(), &mut self.talk).map_err(|error| {
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
}

/// The pause after so many failures in a row: doubled each time, up to [`LONGEST`], and shortened at
/// random, so that clients that lost their server together do not come back together.
fn pause(first: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = doubled.min(first.max(LONGEST));
    // The standard library has no other random numbers; these need not be secret.
    let random = RandomState::new().hash_one(failures) as u32;
    let part = f64::from(random) / f64::from(u32::MAX);
    let shortened = whole.as_secs_f64() * (1.0 - part / 2.0);
    Duration::try_from_secs_f64(shortened).unwrap_or(whole)
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

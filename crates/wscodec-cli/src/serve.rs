//! `wscodec serve`.

use std::io::{self, Write};
use std::net::SocketAddr;

use wscodec::handshake::{Origin, Refusal, Request};
use wscodec::message::Message;
use wscodec_server::{Echo, Grant, Handle, Handler, Memory, Options, Peer, Server};

use crate::args::Arguments;
use crate::{Failure, help, log, stop};

/// What only the command knows of.
#[derive(Default)]
struct Settings {
    listen: Vec<SocketAddr>,
    protocols: Vec<String>,
    origins: Vec<String>,
    hosts: Vec<String>,
    no_deflate: bool,
}

pub(crate) fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let mut options = Options::new(SocketAddr::from(([127, 0, 0, 1], 9001)));
    let mut settings = Settings::default();
    let mut level = ::log::LevelFilter::Error;
    while let Some(word) = arguments.word()? {
        let Some(name) = word.strip_prefix("--") else {
            return Err(Failure::Usage(format!(
                "there is nothing to do with {word:?}"
            )));
        };
        match name {
            "help" => {
                print!("{}", help::SERVE);
                return Ok(());
            }
            "listen" => settings
                .listen
                .push(arguments.value("an address such as 127.0.0.1:9001")?),
            "protocol" => settings.protocols.push(arguments.text()?),
            "origin" => settings.origins.push(arguments.text()?),
            "allow-host" => settings.hosts.push(arguments.text()?),
            "no-deflate" => settings.no_deflate = true,
            "stop-on-eof" => options.stop_on_eof = true,
            "stats" => options.tick = Some(arguments.seconds()?),
            "log" => {
                let text = arguments.text()?;
                level = log::level(&text)
                    .ok_or_else(|| Failure::Usage(format!("--log: there is no level {text:?}")))?;
            }
            _ => option(name, arguments, &mut options)?,
        }
    }
    log::start(level);
    if !settings.listen.is_empty() {
        options.listen.clone_from(&settings.listen);
    }
    let protocols: Vec<&str> = settings.protocols.iter().map(|it| &it[..]).collect();
    let origins: Vec<&str> = settings.origins.iter().map(|it| &it[..]).collect();
    let hosts: Vec<&str> = settings.hosts.iter().map(|it| &it[..]).collect();
    options.policy.protocols = &protocols;
    options.policy.allowed_hosts = (!hosts.is_empty()).then_some(&hosts[..]);
    options.policy.origin = match &origins[..] {
        [] | ["any"] => Origin::Any,
        ["same"] => Origin::SameHost,
        list => Origin::List(list),
    };
    if settings.no_deflate {
        options.policy.deflate = None;
    }
    serve(options)
}

/// An option of the server itself.
fn option(name: &str, arguments: &mut Arguments, options: &mut Options<'_>) -> Result<(), Failure> {
    let limits = &mut options.session.limits;
    let deflate = options.policy.deflate.get_or_insert_default();
    match name {
        "window" => {
            let window = arguments.window()?;
            (deflate.send.window, deflate.receive.window) = (window, window);
        }
        "no-takeover" => (deflate.send.takeover, deflate.receive.takeover) = (false, false),
        "level" => deflate.level = arguments.value("a level from 1 to 9")?,
        "threshold" => deflate.threshold = arguments.bytes()? as usize,
        "memory" => {
            options.memory = match &arguments.text()?[..] {
                "shared" => Memory::default(),
                "dedicated" => Memory::Dedicated,
                other => {
                    let why = format!("--memory: {other:?} is neither shared nor dedicated");
                    return Err(Failure::Usage(why));
                }
            }
        }
        "history" => {
            let history = arguments.window()?;
            options.memory = Memory::Shared { history };
        }
        "max-message" => limits.message = arguments.bytes()?,
        "max-frame" => limits.frame = Some(arguments.bytes()?),
        "max-fragments" => limits.fragments = arguments.value("a number")?,
        "max-inflation" => limits.inflation = arguments.value("a number")?,
        "max-head" => limits.head = arguments.bytes()? as usize,
        "max-connections" => options.max_connections = arguments.value("a number")?,
        "max-memory" => {
            // Beyond what can be addressed is no limit.
            options.max_memory = usize::try_from(arguments.bytes()?).ok();
        }
        "handshake-timeout" => options.handshake_timeout = arguments.seconds()?,
        "close-timeout" => options.session.close_timeout = arguments.seconds()?,
        "idle-timeout" => options.session.idle = Some(arguments.seconds()?),
        "heartbeat" => options.session.heartbeat = Some(arguments.seconds()?),
        "pong-timeout" => options.session.pong_timeout = arguments.seconds()?,
        "max-buffered" => options.max_buffered = arguments.bytes()? as usize,
        "pause-reading-when-full" => options.pause_reading_when_full = true,
        "stall-timeout" => options.stall_timeout = arguments.seconds()?,
        "dangerously-accept-unmasked" => options.session.dangerously_accept_unmasked = true,
        "loops" => options.loops = arguments.value("a number")?,
        "grace" => options.grace = arguments.seconds_or_none()?,
        _ => return Err(arguments.unknown()),
    }
    Ok(())
}

fn serve(options: Options<'_>) -> Result<(), Failure> {
    let listen = options.listen.clone();
    let server = Server::bind(options).map_err(|e| cannot_listen(&listen, &e))?;
    let failed = |e: io::Error| Failure::Run(e.to_string());
    stop::at_signals(server.handle()).map_err(failed)?;
    for address in server.addresses() {
        // Whoever started it may wait for this line; it does no harm if nobody does.
        let _ = writeln!(io::stdout(), "listening on ws://{address}");
    }
    let _ = io::stdout().flush();
    let handler = |index| Figures { first: index == 0 };
    let result = server.run(handler).map_err(failed);
    log::finish();
    result
}

fn cannot_listen(listen: &[SocketAddr], error: &io::Error) -> Failure {
    let addresses: Vec<_> = listen.iter().map(SocketAddr::to_string).collect();
    let addresses = addresses.join(", ");
    Failure::Run(match error.kind() {
        // An option that makes no sense.
        io::ErrorKind::InvalidInput if error.get_ref().is_some() => {
            return Failure::Usage(error.to_string());
        }
        io::ErrorKind::AddrInUse => {
            format!("{addresses} is in use: stop what listens there, or choose another --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{addresses} is no address of this machine: choose another --listen")
        }
        io::ErrorKind::PermissionDenied if cfg!(target_os = "wasi") => {
            format!("listening on {addresses} is not allowed: run it with -S inherit-network")
        }
        io::ErrorKind::PermissionDenied => {
            format!("listening on {addresses} is not allowed: ports below 1024 often are not")
        }
        _ => format!("can't listen on {addresses}: {error}"),
    })
}

/// An echo whose first loop writes a line of figures now and then.
struct Figures {
    first: bool,
}

impl Handler for Figures {
    type State = ();

    fn accept(
        &mut self,
        request: &Request<'_>,
        grant: &mut Grant<'_>,
    ) -> Result<(), Refusal<'static>> {
        Echo.accept(request, grant)
    }

    #[inline]
    fn message(&mut self, peer: &mut Peer<'_, ()>, message: Message<'_>) {
        Echo.message(peer, message);
    }

    fn tick(&mut self, handle: &Handle) {
        if !self.first {
            return;
        }
        let it = handle.stats();
        let line = format!(
            "stats open={} accepted={} refused={} failed={} panics={} messages_in={} \
             messages_out={} bytes_in={} bytes_out={} memory={}\n",
            it.open,
            it.accepted,
            it.refused,
            it.failed,
            it.panics,
            it.messages_in,
            it.messages_out,
            it.bytes_in,
            it.bytes_out,
            it.memory
        );
        log::line(line);
    }
}

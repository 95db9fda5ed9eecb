//! `wscodec serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use wscodec::deflate::{self, WindowBits};
use wscodec::handshake::{Origin, UpgradeRequest};
use wscodec::message::{MessageRef, Prepared};
use wscodec_server::{
    AcceptOptions, Echo, Handler, Memory, NotAccepted, Peer, PlainRequest, Response, Server,
    ServerHandle, ServerOptions,
};

use crate::args::{Arguments, Compression};
use crate::out::print;
use crate::{Failure, help, listen, log, stop, tls};

/// What only the command knows of.
#[derive(Default)]
struct Settings {
    listen: Vec<SocketAddr>,
    /// The paths of Unix sockets to listen on.
    unix: Vec<PathBuf>,
    protocols: Vec<String>,
    origins: Vec<String>,
    hosts: Vec<String>,
    compression: Compression,
    /// Whether connections have engines for compression of their own.
    dedicated: bool,
    history: Option<WindowBits>,
    broadcast: bool,
    metrics: bool,
    tls: tls::Files,
}

pub(crate) fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 9001)));
    let mut settings = Settings::default();
    let mut level = ::log::LevelFilter::Error;
    let mut asked = false;
    while let Some(word) = arguments.word()? {
        let Some(name) = word.strip_prefix("--") else {
            return Err(Failure::Usage(format!("serve takes no {word:?}")));
        };
        match name {
            "help" => return print(help::SERVE),
            "listen" => listen::read(arguments, &mut settings.listen, &mut settings.unix)?,
            "reuse-port" => options.reuse_port = true,
            "protocol" => {
                let protocol = arguments.protocol(&settings.protocols)?;
                settings.protocols.push(protocol);
            }
            "origin" => settings.origins.push(origin(arguments, &settings.origins)?),
            "allow-host" => settings.hosts.push(arguments.host()?),
            "memory" => {
                settings.dedicated = match &arguments.text()?[..] {
                    "shared" => false,
                    "dedicated" => true,
                    other => return Err(arguments.wrong(other, "shared or dedicated")),
                }
            }
            "history" => settings.history = Some(arguments.window()?),
            "broadcast" => settings.broadcast = true,
            "metrics" => settings.metrics = true,
            "tls-cert" => settings.tls.certificate = Some(arguments.text()?.into()),
            "tls-key" => settings.tls.key = Some(arguments.text()?.into()),
            "stop-on-eof" => options.stop_on_eof = true,
            "stats" => options.tick = Some(arguments.seconds()?),
            "log" => {
                let text = arguments.text()?;
                asked = true;
                let expected = "off, error, warn, info, debug or trace";
                level = log::level(&text).ok_or_else(|| arguments.wrong(&text, expected))?;
            }
            _ if settings.compression.set(name, arguments)? => {}
            _ => option(name, arguments, &mut options)?,
        }
    }
    log::start(level, asked || options.tick.is_some());
    let sockets = listen::Sockets::take(&settings.unix)?;
    // The default address is for those who name no other place to listen.
    if !settings.listen.is_empty() || !sockets.is_empty() {
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
    options.policy.deflate = settings.compression.config()?;
    options.memory = match (settings.dedicated, settings.history) {
        (true, None) => Memory::Dedicated,
        (false, None) => Memory::default(),
        (false, Some(history)) => Memory::Shared { history },
        (true, Some(_)) => {
            let why = "--history is for shared memory, and --memory dedicated shares none";
            return Err(Failure::Usage(why.into()));
        }
    };
    serve(options, sockets, &settings)
}

/// An origin as browsers write it (RFC 6454 §6.1), or a word for a policy, which stands alone.
fn origin(arguments: &mut Arguments, others: &[String]) -> Result<String, Failure> {
    let text = arguments.text()?;
    let is_word = |text: &str| matches!(text, "any" | "same");
    if !is_word(&text) && text != "null" && !is_origin(&text) {
        let expected = "any, same, or an origin such as https://example.com (without a path)";
        return Err(arguments.wrong(&text, expected));
    }
    let alone = others.is_empty() || !is_word(&text) && !others.iter().any(|it| is_word(it));
    match alone {
        true => Ok(text),
        false => Err(Failure::Usage(
            "--origin: any and same stand alone, without another --origin".into(),
        )),
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_host = |b: u8| b.is_ascii_graphic() && !b"/?#@\\,".contains(&b);
    let fits = |text: &str, is: &dyn Fn(u8) -> bool| !text.is_empty() && text.bytes().all(is);
    fits(scheme, &is_scheme) && fits(host, &is_host)
}

/// An option of the server itself.
fn option(
    name: &str,
    arguments: &mut Arguments,
    options: &mut ServerOptions<'_>,
) -> Result<(), Failure> {
    let limits = &mut options.session.limits;
    match name {
        "max-message" => limits.message = arguments.bytes()?,
        "max-frame" => limits.frame = Some(arguments.bytes()?),
        "max-fragments" => limits.fragments = arguments.count()?,
        "max-inflation" => limits.inflation = arguments.count()?,
        "max-head" => limits.head = arguments.memory()?,
        "max-connections" => options.max_connections = arguments.count()?,
        "max-per-address" => options.max_connections_per_address = arguments.count_or_none()?,
        "max-opening-per-address" => options.max_opening_per_address = arguments.count_or_none()?,
        "max-memory" => {
            // Beyond what can be addressed is no limit.
            options.max_memory = usize::try_from(arguments.bytes()?).ok();
        }
        "handshake-timeout" => options.handshake_timeout = arguments.seconds()?,
        "close-timeout" => options.session.close_timeout = arguments.seconds()?,
        "idle-timeout" => options.session.idle = Some(arguments.seconds()?),
        "heartbeat" => options.session.heartbeat = Some(arguments.seconds()?),
        "pong-timeout" => options.session.pong_timeout = arguments.seconds()?,
        "max-buffered" => options.max_buffered = arguments.memory()?,
        "pause-reading-when-full" => options.pause_reading_when_full = true,
        "stall-timeout" => options.stall_timeout = arguments.seconds()?,
        "dangerously-accept-unmasked" => options.session.dangerously_accept_unmasked = true,
        "loops" => options.loops = arguments.count()?,
        "grace" => options.grace = arguments.seconds_or_none()?,
        _ => return Err(arguments.unknown()),
    }
    Ok(())
}

fn serve(
    options: ServerOptions<'_>,
    sockets: listen::Sockets,
    settings: &Settings,
) -> Result<(), Failure> {
    let metrics = settings.metrics;
    let broadcast = settings.broadcast.then_some(options.policy.deflate);
    let listen = options.listen.clone();
    let mut server = Server::bind(options).map_err(|e| cannot_listen(&listen, &e))?;
    let paths = sockets.add_to(&mut server)?;
    settings.tls.use_for(&mut server)?;
    let scheme = match settings.tls.are_given() {
        true => "wss",
        false => "ws",
    };
    let failed = |e: io::Error| Failure::Run(e.to_string());
    let handle = server.handle();
    let stop = move || {
        handle.stop();
        true
    };
    stop::at_signals(stop).map_err(failed)?;
    for address in server.addresses() {
        // Whoever started it may wait for this line; it does no harm if nobody does.
        let _ = writeln!(io::stdout(), "listening on {scheme}://{address}");
    }
    for path in &paths {
        let _ = writeln!(
            io::stdout(),
            "listening on {scheme}+unix:{}",
            path.display()
        );
    }
    let _ = io::stdout().flush();
    let handler = |index| Program {
        first: index == 0,
        broadcast,
        metrics,
    };
    let result = server.run(handler).map_err(failed);
    for path in paths {
        // Another server may listen there already.
        let _ = std::fs::remove_file(path);
    }
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

/// What an event loop does with messages. The first loop writes a line of figures now and then.
struct Program {
    first: bool,
    /// Send every message to all, with this compression, in place of back.
    broadcast: Option<Option<deflate::DeflateOptions>>,
    /// Answer requests for `/metrics` and `/healthz`.
    metrics: bool,
}

impl Handler for Program {
    type State = ();

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        grant: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Echo.accept(request, grant)
    }

    #[inline]
    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        match &self.broadcast {
            None => Echo.message(peer, message),
            Some(deflate) => broadcast(peer, message, deflate.as_ref()),
        }
    }

    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        match request.path() {
            "/metrics" if self.metrics => Some(handle.metrics().response()),
            "/healthz" if self.metrics => Some(Response::new(200).text("ok\n")),
            _ => None,
        }
    }

    fn tick(&mut self, handle: &ServerHandle) {
        if !self.first {
            return;
        }
        let it = handle.stats();
        let line = format!(
            "stats open={} accepted={} rejected={} failed={} panics={} messages_in={} \
             messages_out={} bytes_in={} bytes_out={} memory={}\n",
            it.open,
            it.accepted,
            it.rejected,
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

/// Sends a message to all, framed and compressed once.
fn broadcast(
    peer: &mut Peer<'_, ()>,
    message: MessageRef<'_>,
    deflate: Option<&deflate::DeflateOptions>,
) {
    let prepared = match (message.text(), deflate) {
        (Some(text), Some(config)) => deflate::prepare_text(text, config),
        (Some(text), None) => Prepared::text(text),
        (None, Some(config)) => deflate::prepare_binary(message.payload, config),
        (None, None) => Prepared::binary(message.payload),
    };
    let sent = prepared.and_then(|prepared| Ok(peer.broadcast(&prepared)?));
    if let Err(error) = sent {
        ::log::error!("a message is not sent to all: {error}");
    }
}

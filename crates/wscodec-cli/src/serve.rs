//! `wscodec serve`.

use std::io::{self, Write};
use std::net::SocketAddr;

use wscodec::deflate;
use wscodec::handshake::{Origin, UpgradeRequest};
use wscodec::message::{MessageRef, Prepared};
use wscodec_server::{
    AcceptOptions, Echo, Handler, NotAccepted, Peer, PlainRequest, Response, Server, ServerHandle,
    ServerOptions,
};

use crate::args::{ServeArgs, unusable};
use crate::{Failure, listen, log, stop, tls};

pub(crate) fn run(arguments: &ServeArgs) -> Result<(), Failure> {
    arguments.check()?;
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 9001)));
    arguments.apply(&mut options)?;
    let running = &arguments.running;
    let asked = running.log.is_some() || running.stats.is_some();
    log::start(running.log.unwrap_or(::log::LevelFilter::Error), asked);
    let (addresses, paths) = listen::split(&arguments.listen);
    let sockets = listen::Sockets::take(paths)?;
    // The default address is for those who name no other place to listen.
    if !addresses.is_empty() || !sockets.is_empty() {
        options.listen = addresses;
    }
    let protocols: Vec<&str> = arguments.protocol.iter().map(|it| &it[..]).collect();
    let origins: Vec<&str> = arguments.origin.iter().map(|it| &it[..]).collect();
    let hosts: Vec<&str> = arguments.allow_host.iter().map(|it| &it[..]).collect();
    options.policy.protocols = &protocols;
    options.policy.allowed_hosts = (!hosts.is_empty()).then_some(&hosts[..]);
    options.policy.origin = match &origins[..] {
        [] | ["any"] => Origin::Any,
        ["same"] => Origin::SameHost,
        list => Origin::List(list),
    };
    options.policy.deflate = arguments.compression.options();
    serve(options, sockets, arguments)
}

fn serve(
    options: ServerOptions<'_>,
    sockets: listen::Sockets,
    arguments: &ServeArgs,
) -> Result<(), Failure> {
    let metrics = arguments.running.metrics;
    let broadcast = arguments.broadcast.then_some(options.policy.deflate);
    let listen = options.listen.clone();
    let mut server = Server::bind(options).map_err(|e| cannot_listen(&listen, &e))?;
    let paths = sockets.add_to(&mut server)?;
    let scheme = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => {
            tls::use_files(cert, key, &mut server)?;
            "wss"
        }
        _ => "ws",
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
            return unusable("serve", error);
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

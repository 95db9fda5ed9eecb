//! `wscodec serve`.

use std::io::{self, Write};
use std::net::SocketAddr;

use wscodec::handshake::Origin;
use wscodec_server::{Handler, Server, ServerOptions};

use crate::args::{ServeArgs, unusable};
use crate::program::{Observed, Program};
use crate::{Failure, listen, log, relay, stop, tls};

pub(crate) fn run(arguments: &ServeArgs) -> Result<(), Failure> {
    arguments.check()?;
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 9001)));
    arguments.apply(&mut options)?;
    let running = &arguments.running;
    let asked = running.log.is_some() || running.stats.is_some();
    log::start(running.log.unwrap_or(arguments.default_level()), asked);
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
        // Pages in a browser must not reach a process or another server just like that.
        [] if arguments.has_backends() => Origin::SameHost,
        [] | ["any"] => Origin::Any,
        ["same"] => Origin::SameHost,
        list => Origin::List(list),
    };
    options.policy.deflate = arguments.compression.options();
    if arguments.has_backends() {
        // The relay answers a close frame when the backend has ended.
        options.session.auto_close = false;
        options.pieces = true;
    }
    serve(options, sockets, arguments)
}

fn serve(
    options: ServerOptions<'_>,
    sockets: listen::Sockets,
    arguments: &ServeArgs,
) -> Result<(), Failure> {
    let deflate = options.policy.deflate;
    let timeout = options.handshake_timeout;
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
    let relay = relay::start(arguments, timeout, server.handle())?;
    for address in server.addresses() {
        // The process that started the server may wait for this line.
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
    let result = match relay {
        None => {
            let broadcast = arguments.broadcast.then_some(deflate);
            run_with(server, arguments, || Program { broadcast })
        }
        Some(relay) => {
            let result = run_with(server, arguments, || relay.handler());
            relay.end();
            result
        }
    };
    for path in paths {
        // Another server may listen there already.
        let _ = std::fs::remove_file(path);
    }
    log::finish();
    result.map_err(failed)
}

fn run_with<H: Handler>(
    server: Server<'_>,
    arguments: &ServeArgs,
    handler: impl Fn() -> H + Sync,
) -> io::Result<()> {
    server.run(|index| Observed {
        handler: handler(),
        first: index == 0,
        metrics: arguments.running.metrics,
    })
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

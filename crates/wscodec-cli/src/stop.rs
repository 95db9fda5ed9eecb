//! Signals that stop a run.

use std::io;

/// Calls back at the first SIGINT or SIGTERM; a second one ends the process. If there is nothing
/// to stop, the callback gives `false`, and the first one ends the process.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn at_signals(stop: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 || !stop() {
                crate::terminal::restore();
                crate::relay::kill_all();
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(())
}

/// Calls back at each SIGHUP, which ends the process otherwise.
#[cfg(all(unix, feature = "tls"))]
pub(crate) fn at_hangup(reload: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])?;
    std::thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            reload();
        }
    })?;
    Ok(())
}

/// There is no such signal here.
#[cfg(all(not(unix), not(target_os = "wasi"), feature = "tls"))]
pub(crate) fn at_hangup(_: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// WASI has no signals: there the end of standard input stops a server (`--stop-on-eof`), and the
/// host ends a client.
#[cfg(target_os = "wasi")]
pub(crate) fn at_signals(_: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    Ok(())
}

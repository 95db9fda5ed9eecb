//! What stops a server from outside.

use std::io;

use wscodec_server::Handle;

/// Stops the server at SIGINT and SIGTERM; a second one ends the process.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn at_signals(handle: Handle) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                std::process::exit(128 + signal);
            }
            handle.stop();
        }
    })?;
    Ok(())
}

/// WASI has no signals: there the end of standard input stops it (`--stop-on-eof`).
#[cfg(target_os = "wasi")]
pub(crate) fn at_signals(_: Handle) -> io::Result<()> {
    Ok(())
}

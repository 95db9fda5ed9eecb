//! What stops a server from outside.

use std::io::{self, Read};
use std::thread;

use wscodec::server::Handle;

/// Stops the server at SIGINT and SIGTERM; a second one ends the process.
pub(crate) fn at_signals(handle: Handle) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                std::process::exit(128 + signal);
            }
            handle.stop();
        }
    })?;
    Ok(())
}

/// Stops the server when standard input ends.
pub(crate) fn at_eof(handle: Handle) -> io::Result<()> {
    thread::Builder::new().spawn(move || {
        let mut bytes = [0; 1024];
        while !matches!(io::stdin().read(&mut bytes), Ok(0) | Err(_)) {}
        handle.stop();
    })?;
    Ok(())
}

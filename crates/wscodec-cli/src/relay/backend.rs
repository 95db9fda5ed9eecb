//! The backend of a connection, as the relay reads and writes it: without blocking.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

use super::process::Process;

#[derive(Debug)]
pub(super) enum Backend {
    Tcp(TcpStream),
    Unix(UnixStream),
    Process(Box<Process>),
}

impl Backend {
    /// Reports readiness by this token from now on.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(it) => it.register(registry, token, both),
            Self::Unix(it) => it.register(registry, token, both),
            Self::Process(it) => it.register(registry, token),
        }
    }

    /// Some bytes of the output; 0 at its end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(it) => it.read(into),
            Self::Unix(it) => it.read(into),
            Self::Process(it) => it.read(into),
        }
    }

    /// Writes some bytes to the input.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(it) => it.write(bytes),
            Self::Unix(it) => it.write(bytes),
            Self::Process(it) => it.write(bytes),
        }
    }

    /// Ends the input.
    pub(super) fn end_input(&mut self) {
        // It fails if the backend is gone, which shows when it is read.
        let _ = match self {
            Self::Tcp(it) => it.shutdown(Shutdown::Write),
            Self::Unix(it) => it.shutdown(Shutdown::Write),
            Self::Process(it) => {
                it.end_input();
                Ok(())
            }
        };
    }

    pub(super) fn process(&mut self) -> Option<&mut Process> {
        match self {
            Self::Process(it) => Some(it),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }
}

//! A connected socket of the operating system.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;

use crate::address::Address;

/// A socket that is connected.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(it) => it.peer_addr().map(Address::Tcp),
            #[cfg(unix)]
            Self::Unix(_) => Ok(Address::Unix),
        }
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(it) => it,
            #[cfg(unix)]
            Self::Unix(it) => it,
        }
    }

    pub(super) fn shut_down(&self) -> io::Result<()> {
        match self {
            Self::Tcp(it) => it.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Unix(it) => it.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(it) => it.read(into),
            #[cfg(unix)]
            Self::Unix(it) => it.read(into),
        }
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(it) => it.write(bytes),
            #[cfg(unix)]
            Self::Unix(it) => it.write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(it) => it.write_vectored(parts),
            #[cfg(unix)]
            Self::Unix(it) => it.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

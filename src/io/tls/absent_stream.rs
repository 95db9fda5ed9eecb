//! The stream of a build without TLS: a type without a value.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::client::ClientTls;

/// A client's TLS stream.
#[derive(Debug)]
pub(in crate::io) enum TlsStream {}

impl TlsStream {
    pub(in crate::io) fn begin(
        _: TcpStream,
        tls: &ClientTls,
        _: &str,
        _: Option<Instant>,
    ) -> io::Result<Self> {
        match tls.0 {}
    }

    pub(in crate::io) fn socket(&self) -> &TcpStream {
        match *self {}
    }

    pub(in crate::io) fn handle(&self) -> io::Result<Self> {
        match *self {}
    }

    pub(in crate::io) fn shut_down(&self) -> io::Result<()> {
        match *self {}
    }
}

impl Read for &TlsStream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match **self {}
    }
}

impl Write for &TlsStream {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match **self {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match **self {}
    }
}

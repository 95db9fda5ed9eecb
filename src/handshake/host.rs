//! Which hosts a server is reached by: the defence against DNS rebinding.

use super::fields::Fields;
use crate::error::{Fault, HandshakeError};
use crate::head::split_host_bytes;

/// Whether the request's host is one of those allowed.
pub(super) fn check(fields: &Fields<'_>, allowed: &[&str]) -> Result<(), Fault> {
    let host = split_host_bytes(fields.host.value);
    let is_allowed = host.is_some_and(|host| {
        let mut entries = allowed
            .iter()
            .map(|entry| split_host_bytes(entry.as_bytes()));
        entries.any(|entry| entry.is_some_and(|entry| allows(entry, host)))
    });
    match is_allowed {
        true => Ok(()),
        false => Err(fields.host.fault(HandshakeError::HostNotAllowed)),
    }
}

/// A name and its port.
type Host<'a> = (&'a [u8], Option<u16>);

fn allows((name, port): Host<'_>, (host, host_port): Host<'_>) -> bool {
    name.eq_ignore_ascii_case(host)
        && match (port, host_port) {
            (None, _) => true,
            // The server does not know the scheme: TLS may end in front of it.
            (Some(port), None) => port == 80 || port == 443,
            (Some(port), Some(host_port)) => port == host_port,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_without_a_port_allows_every_port() {
        let allows = |entry: &str, host: &str| {
            let split =
                |text: &str| split_host_bytes(text.as_bytes()).map(|(n, p)| (n.to_vec(), p));
            let ((a, b), (c, d)) = (split(entry).unwrap(), split(host).unwrap());
            allows((&a, b), (&c, d))
        };
        for (entry, host) in [
            ("example.com", "example.com"),
            ("example.com", "EXAMPLE.com:8080"),
            ("example.com:8080", "example.com:8080"),
            ("example.com:443", "example.com"),
            ("example.com:80", "example.com:"),
            ("[::1]", "[::1]:9001"),
        ] {
            assert!(allows(entry, host), "{entry} {host}");
        }
        for (entry, host) in [
            ("example.com", "www.example.com"),
            ("example.com", "example.com.evil.example"),
            ("example.com:8080", "example.com"),
            ("example.com:8080", "example.com:8081"),
            ("example.com:443", "example.com:80"),
            ("[::1]", "[::2]"),
        ] {
            assert!(!allows(entry, host), "{entry} {host}");
        }
    }
}

//! Hosts of URLs.

use std::net::IpAddr;

/// A host without the brackets of an IPv6 address.
pub(super) fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// The host as an address, if it is one.
pub(super) fn ip(host: &str) -> Option<IpAddr> {
    bare(host).parse().ok()
}

//! Which hosts are reached without the proxy of the environment.

use std::net::IpAddr;

use super::host::{bare, ip};

/// Whether a host is reached directly: it is this machine, or `NO_PROXY` lists it. The list has
/// domains, which stand for all names below them too, addresses, networks such as `10.0.0.0/8`, each
/// with a port if need be, and `*` for all.
pub(super) fn is_direct(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = ip(&host);
    if host == "localhost"
        || host.ends_with(".localhost")
        || address.is_some_and(|it| it.is_loopback())
    {
        return true;
    }
    let mut entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
    entries.any(|entry| is_listed(&host, address, port, &entry.to_ascii_lowercase()))
}

fn is_listed(host: &str, address: Option<IpAddr>, port: u16, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some(address) = address {
        if let Some((network, bits)) = entry.split_once('/') {
            return is_in(address, network, bits);
        }
        if ip(entry) == Some(address) {
            return true;
        }
    }
    // An IPv6 address without brackets has colons, but no port.
    let (entry, wanted) = match entry.rsplit_once(':') {
        Some((place, number)) if !place.contains(':') || place.ends_with(']') => {
            (place, number.parse().ok())
        }
        _ => (entry, None),
    };
    if wanted.is_some_and(|it: u16| it != port) {
        return false;
    }
    if address.is_some() {
        return ip(entry) == address;
    }
    let domain = entry.trim_start_matches("*.").trim_start_matches('.');
    let below = host.strip_suffix(bare(domain));
    !domain.is_empty() && below.is_some_and(|it| it.is_empty() || it.ends_with('.'))
}

fn is_in(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Some(network), Ok(bits)) = (ip(network), bits.parse::<u32>()) else {
        return false;
    };
    let (a, b, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let differ: u128 = a ^ b;
    bits <= width && differ.checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::is_direct;

    #[test]
    fn lists() {
        for (host, list, direct) in [
            ("localhost", "", true),
            ("a.localhost", "", true),
            ("127.1.2.3", "", true),
            ("[::1]", "", true),
            ("example.com", "", false),
            ("example.com", "*", true),
            ("example.com", "example.com", true),
            ("Example.com.", "a.b, EXAMPLE.com", true),
            ("a.example.com", "example.com", true),
            ("a.example.com", ".example.com", true),
            ("a.example.com", "*.example.com", true),
            ("anexample.com", "example.com", false),
            ("example.com", "example.com:81", false),
            ("example.com", "example.com:80", true),
            ("example.com", ".", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("11.1.2.3", "10.0.0.0/0", true),
            ("10.1.2.3", "10.1.2.3/32", true),
            ("10.1.2.3", "10.1.2.3/33", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3:80", true),
            ("10.1.2.3", "2.3", false),
            ("[fd00::1]", "fd00::/8", true),
            ("[fd00::1]", "fd00::1", true),
            ("[fd00::1]", "[fd00::1]:80", true),
            ("[fd00::1]", "fe00::/8", false),
        ] {
            assert_eq!(is_direct(host, 80, list), direct, "{host} {list}");
        }
    }
}
